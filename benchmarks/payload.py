"""Deterministic, realistic OTLP requests, serialised before anything is timed."""

from collections.abc import Iterator
from random import Random

from benchmarks.records import record_template
from benchmarks.signals import TRACES, Signal
from benchmarks.spans import span_template
from benchmarks.templates import Request, Template

SERVICES = 40
REQUEST_SPACING_NS = 2_000_000
ATTRIBUTES_PER_SPAN = 12


def requests(
    signal: Signal, count: int, items: int, seed: int, start_ns: int, attributes: int = ATTRIBUTES_PER_SPAN
) -> Iterator[Request]:
    """`count` requests of `items` spans or records, from each of 40 services in turn, no two ids alike.

    `attributes` are those of a span, 2 to 12; log records have six."""
    templates = [_template(signal, service, items, attributes) for service in range(min(SERVICES, count))]
    random = Random(seed)
    for number in range(count):
        yield templates[number % SERVICES].request(random, start_ns + number * REQUEST_SPACING_NS)


def _template(signal: Signal, service: int, items: int, attributes: int) -> Template:
    if signal == TRACES:
        return span_template(service, items, attributes)
    return record_template(service, items)
