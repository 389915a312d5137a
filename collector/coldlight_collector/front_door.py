"""Everything that is served on the collector's HTTP port, put together.

A receiver is a module with `routes(receiver, gate)`, which guards its paths in the way its senders can prove
themselves, and `refuse(refusal)`, which says no in the form that they read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from coldlight_collector import firehose, health, otlp_http, zipkin
from coldlight_collector.gate import Gate
from coldlight_collector.http.auth import for_operators
from coldlight_collector.http.cors import cross_origin
from coldlight_collector.http.messages import Handler, Refusal, Refuse, Response, Routes
from coldlight_collector.receiver import Receiver
from coldlight_collector.tallies import NOBODY
from coldlight_collector.xray import api as xray


@dataclass(frozen=True)
class _Door:
    name: str
    routes: Callable[[Receiver, Gate], Routes]
    refuse: Refuse

    def open(self, receiver: Receiver, gate: Gate) -> Routes:
        """The routes, watched."""
        tally = receiver.tallies[self.name]
        routes = self.routes(receiver.counted_by(tally), gate)
        return receiver.watched(self.name, tally.counting_routes(routes))


_ZIPKIN = _Door("zipkin", zipkin.routes, zipkin.refuse)
_XRAY = _Door("xray", xray.routes, xray.refuse)
_DOORS = (
    _Door("otlp_http", otlp_http.routes, otlp_http.refuse),
    _ZIPKIN,
    _XRAY,
    _Door("firehose", firehose.routes, firehose.refuse),
)


def receivers(receiver: Receiver, gate: Gate, cors_origins: tuple[str, ...]) -> tuple[Routes, Refuse]:
    """The routes of all receivers as strangers meet them: a preflight needs no token, everything else does.

    And who says no on which path; where nothing is served, that is done as OTLP does.
    """
    routes: dict[str, Mapping[str, Handler]] = {}
    forms: dict[str, Refuse] = {}
    for door in _DOORS:
        served = door.open(receiver, gate)
        routes |= served
        forms |= dict.fromkeys(served, door.refuse)

    def refuse(refusal: Refusal) -> Response:
        return forms.get(refusal.path.removesuffix("/"), otlp_http.refuse)(refusal)

    return cross_origin(routes, cors_origins), receiver.tallies[NOBODY].counting_refusals(refuse)


def zipkin_port(receiver: Receiver, gate: Gate, cors_origins: tuple[str, ...]) -> tuple[Routes, Refuse]:
    """What Zipkin's own port serves, to strangers as above."""
    refuse = receiver.tallies[NOBODY].counting_refusals(_ZIPKIN.refuse)
    return cross_origin(_ZIPKIN.open(receiver, gate), cors_origins), refuse


def xray_port(receiver: Receiver, gate: Gate) -> tuple[Routes, Refuse]:
    """What X-Ray's own port serves over TCP, as its daemon does: the SDKs ask it for sampling rules."""
    return _XRAY.open(receiver, gate), receiver.tallies[NOBODY].counting_refusals(_XRAY.refuse)


def metrics(registry: CollectorRegistry, gate: Gate) -> Routes:
    """`/metrics`, which is of all tenants."""
    return for_operators(health.metrics_route(registry), gate, otlp_http.refuse)
