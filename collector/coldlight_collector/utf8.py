"""Saves requests with invalid UTF-8, which the protobuf parser refuses whole for a single bad string.

They are parsed once more by the same schema with every `string` declared as `bytes`; what is no UTF-8
becomes U+FFFD in the strings that need it, and every other byte stays as it was sent. Stand-ins, which
readers of JSON leave behind for the same reason, are replaced in the same way.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from coldlight_collector.stand_ins import MARK, replace_stand_ins

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mended:
    """A resource, scope, span, log record or data point that answers for mended strings.

    `path` leads to it from the request (`("resource_spans", 0, "resource")`). `fields` are the fields with
    the strings: its own, or those of a message around it that has no attributes to say so.
    """

    path: _Path
    fields: tuple[str, ...]

    def find(self, request: Message) -> Any:
        found: Any = request
        for step in self.path:
            found = getattr(found, step) if isinstance(step, str) else found[step]
        return found


@dataclass(frozen=True, slots=True)
class _TextField:
    """A string, or a message with strings in it."""

    name: str
    repeated: bool
    message: Descriptor | None


@dataclass(frozen=True, slots=True)
class _Flaw:
    """What may be wrong with text: whether it may be in the bytes of a message, and the text without it."""

    may_be_in: Callable[[bytes, Descriptor], bool]
    mend: Callable[[bytes], bytes]


def mend(message_type: type[Message], body: bytes) -> tuple[Message, list[Mended]]:
    """The request in `body` with U+FFFD in place of invalid UTF-8, and where that was.

    Raises `DecodeError` if the bytes are wrong in another way, too.
    """
    return _mend(message_type, body, _INVALID_UTF8)


def mend_stand_ins(message: Message) -> tuple[Message, list[Mended]]:
    """The request, which is not rendered yet, with U+FFFD in place of stand-ins, and where these were."""
    body = message.SerializePartialToString()
    return (message, []) if MARK not in body else _mend(type(message), body, _STAND_INS)


def _mend(message_type: type[Message], body: bytes, flaw: _Flaw) -> tuple[Message, list[Mended]]:
    strict = cast(Descriptor, message_type.DESCRIPTOR)
    lenient = _lenient_type(strict).FromString(body)
    mended = list(_mend_around(lenient, strict, (), flaw))
    return message_type.FromString(lenient.SerializePartialToString()), mended


def _mend_around(message: Message, strict: Descriptor, path: _Path, flaw: _Flaw) -> Iterator[Mended]:
    """Mends a message that groups others, down to those with attributes, which answer for themselves."""
    own = []
    for field, value in _text_fields(message, strict):
        if field.message is None or field.message.name == "KeyValue":
            if _mend_field(message, field, value, flaw):
                own.append(field.name)
        elif field.repeated:
            for index, part in enumerate(value):
                yield from _mend_part(part, field.message, (*path, field.name, index), flaw)
        else:
            yield from _mend_part(value, field.message, (*path, field.name), flaw)
    if own:
        yield from (Mended(owner, tuple(own)) for owner in _owners(message, path))


def _mend_part(message: Message, strict: Descriptor, path: _Path, flaw: _Flaw) -> Iterator[Mended]:
    if not flaw.may_be_in(message.SerializePartialToString(), strict):
        return
    if "attributes" not in strict.fields_by_name:
        yield from _mend_around(message, strict, path, flaw)
    elif fields := _mend_all(message, strict, flaw):
        yield Mended(path, fields)


def _owners(message: Any, path: _Path) -> list[_Path]:
    """What answers for the strings of a group: its resource, its scope, or a metric's every data point."""
    names = message.DESCRIPTOR.fields_by_name
    for owner in ("resource", "scope"):
        if owner in names:
            return [(*path, owner)]
    data = message.WhichOneof("data")
    points = getattr(message, data).data_points if data else ()
    return [(*path, data, "data_points", index) for index in range(len(points))]


def _mend_all(message: Message, strict: Descriptor, flaw: _Flaw) -> tuple[str, ...]:
    """Mends the strings of a message and of all inside it; the names of its fields that held bad ones."""
    return tuple(
        [f.name for f, value in _text_fields(message, strict) if _mend_field(message, f, value, flaw)]
    )


def _mend_field(message: Message, field: _TextField, value: Any, flaw: _Flaw) -> bool:
    if field.message is not None:
        return _mend_parts(value if field.repeated else (value,), field.message, flaw)
    if field.repeated:
        texts = [flaw.mend(text) for text in value]
        bad = texts != list(value)
        if bad:
            value[:] = texts
        return bad
    text = flaw.mend(value)
    if text == value:
        return False
    setattr(message, field.name, text)
    return True


def _mend_parts(parts: Sequence[Any], strict: Descriptor, flaw: _Flaw) -> bool:
    suspects = [part for part in parts if not part.SerializePartialToString().isascii()]
    mended = [(part, fields) for part in suspects if (fields := _mend_all(part, strict, flaw))]
    if strict.name == "KeyValue":
        _keep_apart(parts, [part for part, fields in mended if "key" in fields])
    return bool(mended)


def _keep_apart(pairs: Sequence[Any], renamed: Sequence[Any]) -> None:
    """Keys that differed in nothing but what was mended: `a\ufffd`, `a\ufffd_2`, `a\ufffd_3`."""
    if not renamed:
        return
    taken = Counter(pair.key for pair in pairs) - Counter(pair.key for pair in renamed)
    alike: Counter[bytes] = Counter()
    for pair in renamed:
        mended = pair.key
        while taken[pair.key]:
            alike[mended] += 1
            pair.key = b"%b_%d" % (mended, alike[mended] + 1)
        taken[pair.key] += 1


def _is_refused(encoded: bytes, strict: Descriptor) -> bool:
    """The strict parser finds what needs no mending far quicker than a walk in Python."""
    try:
        GetMessageClass(strict).FromString(encoded)
    except DecodeError:
        return True
    return False


_INVALID_UTF8 = _Flaw(_is_refused, lambda text: text.decode("utf-8", "replace").encode())
_STAND_INS = _Flaw(lambda encoded, _: MARK in encoded, replace_stand_ins)


def _text_fields(message: Message, strict: Descriptor) -> list[tuple[_TextField, Any]]:
    """What is set of the fields that hold strings, or messages that may."""
    known = _text_fields_by_number(strict)
    return [(known[field.number], value) for field, value in message.ListFields() if field.number in known]


@cache
def _text_fields_by_number(strict: Descriptor) -> dict[int, _TextField]:
    return {
        field.number: _TextField(field.name, field.is_repeated, field.message_type)
        for field in strict.fields
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE)
    }


@cache
def _lenient_type(strict: Descriptor) -> type[Message]:
    pool = DescriptorPool()
    for file in _with_imports(strict.file):
        proto = FileDescriptorProto()
        file.CopyToProto(proto)
        _strings_to_bytes(proto.message_type)
        pool.Add(proto)
    return GetMessageClass(pool.FindMessageTypeByName(strict.full_name))


def _with_imports(file: FileDescriptor) -> Iterator[FileDescriptor]:
    """A file after the files it imports; a pool passes over what it has already."""
    for imported in file.dependencies:
        yield from _with_imports(imported)
    yield file


def _strings_to_bytes(messages: Sequence[DescriptorProto]) -> None:
    for message in messages:
        _strings_to_bytes(message.nested_type)
        for field in message.field:
            if field.type == FieldDescriptorProto.TYPE_STRING:
                field.type = FieldDescriptorProto.TYPE_BYTES
