"""Zipkin v2 in protobuf: `ListOfSpans` (zipkin-api's zipkin.proto).

The layout below is that of zipkin.proto on the wire, but strings are read as bytes, so that one with invalid
UTF-8 costs no more than itself, and a map as the repeated entries that it is.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from coldlight_collector.intake import Malformed, TooLarge
from coldlight_collector.validate import MAX_ITEMS
from coldlight_collector.wire import fields_of
from coldlight_collector.zipkin.span import (
    CLIENT,
    CONSUMER,
    KIND,
    MAX_PARTS,
    PARENT,
    PRODUCER,
    SERVER,
    Annotation,
    Decoded,
    Endpoint,
    Misfit,
    Span,
)

_TAG_OF_A_SPAN = 1 << 3 | 2
"""`repeated Span spans = 1`, length-delimited."""
_MAX_SPAN_BYTES = 4 << 20
"""Parsed before its parts are counted."""
_KINDS = ("", CLIENT, SERVER, PRODUCER, CONSUMER)

_BYTES, _INT32 = FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.TYPE_INT32
_FIXED64, _UINT64 = FieldDescriptorProto.TYPE_FIXED64, FieldDescriptorProto.TYPE_UINT64
_BOOL = FieldDescriptorProto.TYPE_BOOL
_LAYOUT: dict[str, dict[str, tuple[int, "FieldDescriptorProto.Type.ValueType | str"]]] = {
    "Endpoint": {"service_name": (1, _BYTES), "ipv4": (2, _BYTES), "ipv6": (3, _BYTES), "port": (4, _INT32)},
    "Annotation": {"timestamp": (1, _FIXED64), "value": (2, _BYTES)},
    "Tag": {"key": (1, _BYTES), "value": (2, _BYTES)},
    "Span": {
        "trace_id": (1, _BYTES),
        "parent_id": (2, _BYTES),
        "id": (3, _BYTES),
        "kind": (4, _INT32),
        "name": (5, _BYTES),
        "timestamp": (6, _FIXED64),
        "duration": (7, _UINT64),
        "local_endpoint": (8, "Endpoint"),
        "remote_endpoint": (9, "Endpoint"),
        "annotations": (10, "Annotation"),
        "tags": (11, "Tag"),
        "debug": (12, _BOOL),
        "shared": (13, _BOOL),
    },
}
_REPEATED = {"annotations", "tags"}

_Repaired = dict[str, str | None]


def _span_type() -> type[Message]:
    file = FileDescriptorProto(name="coldlight/zipkin.proto", package="coldlight.zipkin", syntax="proto3")
    for name, layout in _LAYOUT.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in layout.items():
            made = message.field.add(name=field, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if field in _REPEATED:
                made.label = FieldDescriptorProto.LABEL_REPEATED
            if isinstance(kind, str):
                made.type, made.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".coldlight.zipkin.{kind}"
            else:
                made.type = kind
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("coldlight.zipkin.Span"))


_SPAN_TYPE = _span_type()


def decode(body: bytes) -> Decoded:
    """The spans of a `ListOfSpans`; one that cannot be parsed costs itself alone.

    Raises `Malformed` for bytes that hold no such list, `TooLarge` for too many spans.
    """
    spans, rejected, parts = [], [], 0
    for message in _messages(body):
        try:
            sent = _parse(message)
            parts += len(sent.annotations) + len(sent.tags)
            if parts > MAX_PARTS:
                raise TooLarge(
                    f"more than {MAX_PARTS} annotations and tags in one request: send fewer at a time"
                )
            spans.append(_read_span(sent))
        except Misfit as misfit:
            rejected.append(str(misfit))
    if not (spans or rejected):
        raise Malformed("the body is no ListOfSpans: it holds no span")
    return Decoded(spans, rejected)


def _messages(body: bytes) -> Iterator[bytes]:
    for index, (tag, start, end) in enumerate(fields_of(body, 0, len(body))):
        if index == MAX_ITEMS:
            raise TooLarge(f"more than {MAX_ITEMS} spans in one request: send fewer at a time")
        if end > len(body):
            raise Malformed("the protobuf body is cut short")
        if tag == _TAG_OF_A_SPAN:
            yield body[start:end]


def _parse(body: bytes) -> Any:
    if len(body) > _MAX_SPAN_BYTES:
        raise Misfit(f"a span: expected at most {_MAX_SPAN_BYTES} bytes")
    try:
        return _SPAN_TYPE.FromString(body)
    except DecodeError:
        raise Misfit("a span: expected a protobuf message") from None


def _read_span(sent: Any) -> Span:
    repaired: _Repaired = {}
    return Span(
        trace_id=_read_trace_id(sent.trace_id),
        id=_read_span_id(sent.id),
        parent_id=_read_parent_id(sent.parent_id, repaired),
        kind=_read_kind(sent.kind, repaired),
        name=_text(sent.name, "name", repaired),
        timestamp_us=sent.timestamp or None,
        duration_us=sent.duration or None,
        local=_read_endpoint(sent.local_endpoint, "resource", repaired),
        remote=_read_endpoint(sent.remote_endpoint, "attributes", repaired),
        annotations=tuple(
            [
                Annotation(one.timestamp or None, _text(one.value, "events", repaired))
                for one in sent.annotations
            ]
        ),
        tags={
            _text(tag.key, "attributes", repaired): _text(tag.value, "attributes", repaired)
            for tag in sent.tags
        },
        debug=sent.debug,
        shared=sent.shared,
        repaired=repaired,
    )


def _read_trace_id(sent: bytes) -> bytes:
    if len(sent) not in (8, 16) or not any(sent):
        raise Misfit("trace_id: expected 8 or 16 bytes, not all zero")
    return sent.rjust(16, b"\0")


def _read_span_id(sent: bytes) -> bytes:
    if len(sent) != 8 or not any(sent):
        raise Misfit("id: expected 8 bytes, not all zero")
    return sent


def _read_parent_id(sent: bytes, repaired: _Repaired) -> bytes:
    if len(sent) == 8 and any(sent):
        return sent
    if any(sent):
        repaired[PARENT] = sent.hex()
    return b""


def _read_kind(sent: int, repaired: _Repaired) -> str:
    if 0 <= sent < len(_KINDS):
        return _KINDS[sent]
    repaired[KIND] = str(sent)
    return ""


def _read_endpoint(sent: Any, field: str, repaired: _Repaired) -> Endpoint:
    return Endpoint(
        _text(sent.service_name, field, repaired),
        _read_address(sent.ipv4),
        _read_address(sent.ipv6),
        sent.port,
    )


def _read_address(sent: bytes) -> str:
    """As people write it; in hexadecimal when it has no address's length."""
    return str(ip_address(sent)) if len(sent) in (4, 16) else sent.hex()


def _text(sent: bytes, field: str, repaired: _Repaired) -> str:
    """With U+FFFD where it is no UTF-8."""
    try:
        return sent.decode()
    except UnicodeDecodeError:
        repaired[field] = None
        return sent.decode(errors="replace")
