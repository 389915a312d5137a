"""Zipkin v2 in JSON (zipkin-api's zipkin2-api.yaml, "Span")."""

from coldlight_collector.zipkin.json_fields import (
    Record,
    read_endpoint,
    read_flag,
    read_integer,
    read_list,
    read_parent_id,
    read_part,
    read_parts,
    read_span_id,
    read_text,
    read_trace_id,
)
from coldlight_collector.zipkin.span import (
    CLIENT,
    CONSUMER,
    KIND,
    PRODUCER,
    SERVER,
    Annotation,
    Decoded,
    Misfit,
    Span,
    Value,
)

_KINDS = {CLIENT, SERVER, PRODUCER, CONSUMER, ""}


def decode(body: bytes) -> Decoded:
    """The spans of a v2 list. Raises `Malformed` for what is no JSON list, `TooLarge` for too many spans."""
    return read_list(body, _read_span)


def _read_span(record: Record) -> list[Span]:
    if "binaryAnnotations" in record:
        raise Misfit("binaryAnnotations: only v1 spans have them, send those to /api/v1/spans")
    parent_id, repaired = read_parent_id(record)
    kind = read_text(record, "kind")
    if kind not in _KINDS:
        kind, repaired[KIND] = "", kind
    span = Span(
        trace_id=read_trace_id(record),
        id=read_span_id(record),
        parent_id=parent_id,
        kind=kind,
        name=read_text(record, "name"),
        timestamp_us=read_integer(record, "timestamp"),
        duration_us=read_integer(record, "duration"),
        local=read_endpoint(record, "localEndpoint"),
        remote=read_endpoint(record, "remoteEndpoint"),
        annotations=read_parts(record, "annotations", _read_annotation),
        tags=read_part(record, "tags", _read_tags) or {},
        debug=read_flag(record, "debug"),
        shared=read_flag(record, "shared"),
        repaired=repaired,
    )
    return [span]


def _read_annotation(record: Record) -> Annotation:
    return Annotation(read_integer(record, "timestamp"), read_text(record, "value"))


def _read_tags(record: Record) -> dict[str, Value]:
    """Zipkin's tags are strings. Numbers, true, false and null, which some senders write, are kept as they are."""
    if any(isinstance(value, list | dict) for value in record.values()):
        raise Misfit("value: expected a string")
    return record
