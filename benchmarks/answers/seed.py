"""The rows of which a store is made: requests as their senders make them, each in a slot of time of its own.

Traces of 12 spans from 40 services with their log lines (`benchmarks/spans.py`), and whole requests over 13 functions.
"""

from collections.abc import Iterator, Sequence
from random import Random

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.answers.chain import chain, reports
from benchmarks.payload import ATTRIBUTES_PER_SPAN, SERVICES
from benchmarks.records import record_template
from benchmarks.spans import SPANS_PER_TRACE, span_template
from benchmarks.templates import Request, Template

SLOT_NS = 60 * 10**9
TRACES_A_SERVICE = 35
CHAINS = 80
SLOTS = SERVICES * TRACES_A_SERVICE + CHAINS
RECORDS_PER_TRACE = 6


def seed(first_ns: int) -> tuple[list[Message], list[Message]]:
    """Requests with spans, and with log records; `SLOTS` slots, the first of which begins at `first_ns`."""
    random = Random(1)
    slots = list(range(SLOTS))
    random.shuffle(slots)
    starts_ns = [first_ns + slot * SLOT_NS for slot in slots]
    of_traces, of_chains = starts_ns[CHAINS:], starts_ns[:CHAINS]
    spans: list[Message] = [
        ExportTraceServiceRequest.FromString(request.body)
        for request in _of_services(_span_templates(), of_traces, random)
    ]
    records: list[Message] = [
        ExportLogsServiceRequest.FromString(request.body)
        for request in _of_services(_record_templates(), of_traces, random)
    ]
    for number, start_ns in enumerate(of_chains):
        spans.extend(chain(number, start_ns))
        records.extend(reports(number, start_ns))
    return spans, records


def _span_templates() -> list[Template]:
    return [span_template(service, SPANS_PER_TRACE, ATTRIBUTES_PER_SPAN) for service in range(SERVICES)]


def _record_templates() -> list[Template]:
    return [record_template(service, RECORDS_PER_TRACE) for service in range(SERVICES)]


def _of_services(
    templates: Sequence[Template], starts_ns: Sequence[int], random: Random
) -> Iterator[Request]:
    """One of each service in turn."""
    for number, start_ns in enumerate(starts_ns):
        yield templates[number % SERVICES].request(random, start_ns)
