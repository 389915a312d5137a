"""A Zipkin v1 span, which may hold the views of several hosts, taken apart into a span for each of them.

V1 has no kind: the "core" annotations tell it, and when things began and ended. The rules are those of Zipkin's
own conversion (V1SpanConverter in openzipkin/zipkin) but that nothing is left out: an annotation or address that goes
into no field stays an annotation or a tag.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coldlight_collector.zipkin.span import (
    CLIENT,
    CONSUMER,
    NOWHERE,
    PRODUCER,
    SERVER,
    Annotation,
    Endpoint,
    Span,
    Value,
)

_CORE = {"cs": CLIENT, "cr": CLIENT, "sr": SERVER, "ss": SERVER, "ms": PRODUCER, "mr": CONSUMER}
_ENDS = {CLIENT: ("cs", "cr"), SERVER: ("sr", "ss"), PRODUCER: ("ms", "ws"), CONSUMER: ("wr", "mr")}
"""The annotations with which each kind begins and ends."""
_PEER_OF = {"sa": (CLIENT,), "ca": (SERVER,), "ma": (PRODUCER, CONSUMER)}
"""Whose remote endpoint each address annotation is."""
_FIRST_KIND = {SERVER: CLIENT, CONSUMER: PRODUCER}
"""The kind whose span id another one shares."""


_MOST_SIDES = 16
"""Hosts of one span that become spans of their own; each repeats its name. What others recorded stays with the first."""


@dataclass(frozen=True, slots=True)
class V1Annotation:
    timestamp_us: int | None
    value: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class BinaryAnnotation:
    key: str
    value: Value
    endpoint: Endpoint

    @property
    def is_address(self) -> bool:
        return self.key in _PEER_OF and self.value is True and self.endpoint != NOWHERE


@dataclass(frozen=True, slots=True)
class V1Span:
    """Ids, times and `repaired` as in `Span`."""

    trace_id: bytes
    id: bytes
    parent_id: bytes
    name: str
    timestamp_us: int | None
    duration_us: int | None
    annotations: tuple[V1Annotation, ...]
    binary_annotations: tuple[BinaryAnnotation, ...]
    debug: bool
    repaired: Mapping[str, str | None]

    @property
    def is_timed(self) -> bool:
        return bool(self.timestamp_us and self.duration_us)


@dataclass(slots=True)
class _Side:
    """What one host has recorded, while it is gathered. `core` are those of its annotations that carry its times."""

    kind: str
    local: Endpoint
    remote: Endpoint = NOWHERE
    core: dict[str, int] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    tags: dict[str, Value] = field(default_factory=dict)


def split(whole: V1Span) -> list[Span]:
    """The spans in a v1 span, the one that began it first."""
    sides = [_Side(kind, endpoint) for kind, endpoint in _kinds(whole).items()] or [_only_side(whole)]
    by_kind = {side.kind: side for side in sides}
    _deal_out(whole, sides, by_kind)
    for item in whole.binary_annotations:
        if item.is_address:
            _set_peer(item, by_kind, sides[0])
    return [_finish(whole, side, side is sides[0], by_kind) for side in sides]


def _kinds(whole: V1Span) -> dict[str, Endpoint]:
    """Every kind that a core annotation tells, in order of cause and effect, and where it was."""
    found: dict[str, Endpoint] = {}
    for item in whole.annotations:
        kind = _CORE.get(item.value)
        if kind and not found.get(kind, NOWHERE).service_name:
            found[kind] = item.endpoint
    return {kind: found[kind] for kind in _ENDS if kind in found}


def _only_side(whole: V1Span) -> _Side:
    """That of a span without core annotations. A client's address alone makes it a server."""
    addresses = {item.key: item.endpoint for item in whole.binary_annotations if item.is_address}
    if "ca" in addresses and "sa" not in addresses:
        return _Side(SERVER, _first_endpoint(whole) or NOWHERE)
    return _Side("", _first_endpoint(whole) or addresses.get("ca", NOWHERE))


def _first_endpoint(whole: V1Span) -> Endpoint | None:
    told = [item.endpoint for item in whole.annotations]
    told += [fact.endpoint for fact in whole.binary_annotations if not fact.is_address]
    return next((endpoint for endpoint in told if endpoint != NOWHERE), None)


def _deal_out(whole: V1Span, sides: list[_Side], by_kind: Mapping[str, _Side]) -> None:
    """Gives every annotation and tag to the side that recorded it; a host seen nowhere else makes a new one."""
    by_name: dict[str, _Side] = {}
    for side in sides:
        by_name.setdefault(side.local.service_name, side)

    def host(endpoint: Endpoint) -> _Side:
        name = endpoint.service_name
        if name and name not in by_name and len(sides) < _MOST_SIDES:
            by_name[name] = _Side("", endpoint)
            sides.append(by_name[name])
        return by_name.get(name, sides[0])

    for item in whole.annotations:
        timed = next((by_kind[kind] for kind in by_kind if item.value in _ENDS.get(kind, ())), None)
        if timed and item.timestamp_us:
            timed.core.setdefault(item.value, item.timestamp_us)
        (timed or host(item.endpoint)).annotations.append(Annotation(item.timestamp_us, item.value))
    for fact in whole.binary_annotations:
        if not (fact.is_address or (fact.key == "lc" and fact.value == "")):
            _add_tag(host(fact.endpoint).tags, fact.key, fact.value)


def _add_tag(tags: dict[str, Value], key: str, value: Value) -> None:
    """A key may come again in a list: with other values, these make an array."""
    if key not in tags:
        tags[key] = value
        return
    known = tags[key]
    values: list[Value] = known if isinstance(known, list) else [known]
    if values[-1] != value:
        tags[key] = values
        values.append(value)


def _set_peer(item: BinaryAnnotation, by_kind: Mapping[str, _Side], first: _Side) -> None:
    """Notes an address as the remote endpoint of the side that it belongs to; without one, as tags."""
    peers = [by_kind[kind] for kind in _PEER_OF[item.key] if kind in by_kind]
    if not peers and not first.kind and item.key != "ca":
        peers = [first]
    for side in peers:
        if side.local != item.endpoint:
            side.remote = _without_loop(item.endpoint, side.local) if item.key == "ca" else item.endpoint
    if not peers and item.endpoint != first.local:
        for name in Endpoint.__dataclass_fields__:
            if value := getattr(item.endpoint, name):
                first.tags[f"zipkin.{item.key}.{name}"] = value


def _without_loop(endpoint: Endpoint, local: Endpoint) -> Endpoint:
    """Finagle names a server's client after the server: as a peer it would be a call to itself."""
    return replace(endpoint, service_name="") if endpoint.service_name == local.service_name else endpoint


def _finish(whole: V1Span, side: _Side, is_first: bool, by_kind: Mapping[str, _Side]) -> Span:
    timestamp_us, duration_us = _times(whole, side, is_first)
    kept = [one for one in side.annotations if not _is_told(one, side, timestamp_us, duration_us)]
    return Span(
        trace_id=whole.trace_id,
        id=whole.id,
        parent_id=whole.parent_id,
        kind=side.kind,
        name=whole.name,
        timestamp_us=timestamp_us,
        duration_us=duration_us,
        local=side.local,
        remote=side.remote,
        annotations=tuple(kept),
        tags=side.tags,
        debug=whole.debug,
        shared=_is_shared(whole, side, by_kind),
        repaired=whole.repaired,
    )


def _is_told(one: Annotation, side: _Side, start_us: int | None, duration_us: int | None) -> bool:
    """Whether the span's own times say it, too. Senders who compute in floating point are a microsecond off."""
    if one.value not in side.core or one.timestamp_us is None or start_us is None:
        return False
    ends = (start_us, start_us + (duration_us or 0))
    return any(abs(one.timestamp_us - end_us) <= 1 for end_us in ends)


def _times(whole: V1Span, side: _Side, is_first: bool) -> tuple[int | None, int | None]:
    """Start and duration. The span's own belong to the side that began it; the others have their annotations."""
    if is_first and (whole.is_timed or not side.kind):
        return whole.timestamp_us, whole.duration_us
    first, last = _ENDS.get(side.kind, ("", ""))
    if first not in side.core and side.kind == CONSUMER:
        first, last = last, ""
    start_us, end_us = side.core.get(first), side.core.get(last)
    duration_us = whole.duration_us if is_first else None
    if start_us is None and is_first:
        start_us = whole.timestamp_us
    if start_us is not None and end_us is not None and end_us >= start_us:
        duration_us = end_us - start_us
    return start_us, duration_us


def _is_shared(whole: V1Span, side: _Side, by_kind: Mapping[str, _Side]) -> bool:
    """V1 has no such flag: a server that continues its client's span leaves out the span's own times."""
    if _FIRST_KIND.get(side.kind) in by_kind:
        return True
    if side.kind != SERVER or "sr" not in side.core:
        return False
    return not whole.timestamp_us or ("ss" in side.core and not whole.duration_us)
