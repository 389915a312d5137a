"""Zipkin v1 in JSON (zipkin-api's zipkin-api.yaml; the types of values are those of zipkinCore.thrift)."""

import binascii
import re
from typing import Any

from coldlight_collector.zipkin.json_fields import (
    INTEGER,
    Record,
    read_endpoint,
    read_flag,
    read_integer,
    read_list,
    read_parent_id,
    read_parts,
    read_span_id,
    read_text,
    read_trace_id,
)
from coldlight_collector.zipkin.span import Decoded, Misfit, Span, Value
from coldlight_collector.zipkin.v1_span import BinaryAnnotation, V1Annotation, V1Span, split

_ONLY_V2 = ("kind", "localEndpoint", "remoteEndpoint", "tags")
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|[+-]?Infinity")
_INTEGERS = ("I16", "I32", "I64")


def decode(body: bytes) -> Decoded:
    """The spans of a v1 list, one for each host that took part in one.

    Raises `Malformed` for what is no JSON list, `TooLarge` for too many spans.
    """
    return read_list(body, _read_span)


def _read_span(record: Record) -> list[Span]:
    for field in _ONLY_V2:
        if field in record:
            raise Misfit(f"{field}: only v2 spans have it, send those to /api/v2/spans")
    parent_id, repaired = read_parent_id(record)
    whole = V1Span(
        trace_id=read_trace_id(record),
        id=read_span_id(record),
        parent_id=parent_id,
        name=read_text(record, "name"),
        timestamp_us=read_integer(record, "timestamp"),
        duration_us=read_integer(record, "duration"),
        annotations=read_parts(record, "annotations", _read_annotation),
        binary_annotations=read_parts(record, "binaryAnnotations", _read_binary_annotation),
        debug=read_flag(record, "debug"),
        repaired=repaired,
    )
    return split(whole)


def _read_annotation(record: Record) -> V1Annotation:
    return V1Annotation(
        read_integer(record, "timestamp"), read_text(record, "value"), read_endpoint(record, "endpoint")
    )


def _read_binary_annotation(record: Record) -> BinaryAnnotation:
    value, kind = record.get("value"), record.get("type")
    if isinstance(value, list | dict):
        raise Misfit("value: expected a string, a number, true or false")
    return BinaryAnnotation(read_text(record, "key"), _typed(value, kind), read_endpoint(record, "endpoint"))


def _typed(value: Any, kind: object) -> Value:
    """The value as its `type` has it, which JSON cannot always show; as it stands if the two do not agree."""
    if type(value) is str:
        return _read_as(kind, value)
    return float(value) if kind == "DOUBLE" and type(value) is int else value


def _read_as(kind: object, text: str) -> Value:
    if kind == "BYTES":
        try:
            return binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            return text
    if kind == "DOUBLE" and _DOUBLE.fullmatch(text):
        return float(text)
    return int(text) if kind in _INTEGERS and INTEGER.fullmatch(text) else text
