"""The beginning of any value as JSON: masked, at most so many bytes, in a time that depends on those and not on the value's size.

What is left out is told: `"... 12 more"` for items and characters, `"<module.Type>"` for what JSON has no form for (of Python's own
types, `Decimal`, `UUID`, dates and times are written out). A text that is JSON itself, or JSON in base64, is masked by its names,
too. Nothing is changed, and no code of the function runs (`plain`).
"""

from __future__ import annotations

import json
import sys

from coldlight_lambda import masking, plain
from coldlight_lambda.json_prefix import CUT, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_DEEPEST = 20
_MOST_TRIES = 4
_MOST_TEXTS = 4
"""JSON in a string of JSON in a string ...: an event that came through SNS, SQS and EventBridge has three."""
_MARGIN = 512
"""Characters beyond the cut that are looked at, so that no half of a secret is left before it."""
_LEAST = len('"..."')
_ROOM_FOR_MARK = len(',"...":"123456789012 more"')
_UNKNOWN = 1 << 60
"""As many characters are missing as nobody knows."""
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_LONGEST_NAME = 200
_MOST_KNOWN = 2_000
_known_heads: dict[str, str] = {}
_quoted = json.JSONEncoder(ensure_ascii=False).encode
_WRITTEN_OUT = (
    ("decimal", "Decimal"),
    ("uuid", "UUID"),
    ("datetime", "datetime"),
    ("datetime", "date"),
    ("datetime", "time"),
)


def excerpt(value: Any, most_bytes: int) -> str:
    """A value as JSON, of at most so many bytes in UTF-8; a string or bytes as the text itself. Empty if there is no room."""
    if most_bytes < _LEAST:
        return ""
    base = plain.base_of(type(value))
    make = _text if base is str else _binary if base in (bytes, bytearray) else _json
    return make(value, most_bytes, 0)[0]


def variable(name: str, value: Any, most_bytes: int) -> str:
    """The same, of something that has a name: masked if the name is a secret's."""
    return masking.MASK if masking.is_secret(name) and not _is_empty(value) else excerpt(value, most_bytes)


def _json(value: Any, most_bytes: int, texts: int) -> tuple[str, bool]:
    """A value, masked and cut, and whether that changed it."""
    writer = _Writer(most_bytes, texts)
    writer.write(value, 0)
    return "".join(writer.parts), writer.is_touched


def _text(value: Any, most_bytes: int, texts: int, beyond: int = 0) -> tuple[str, bool]:
    """A text, masked and cut, and whether that changed it. `beyond` characters of it are missing already."""
    size = plain.size(value, str)
    window = plain.beginning(value, str, most_bytes + _MARGIN)
    missing = size - len(window) + beyond
    if window.endswith(CUT):
        window, missing = window[:-1], _UNKNOWN
    if texts < _MOST_TEXTS:
        found = _as_json(window, missing, most_bytes, texts)
        if found is not None:
            return found
    masked = masking.text(window)
    if missing:
        return _cut(masked[:-_MARGIN], most_bytes, missing + min(_MARGIN, len(masked))), True
    if masked == window and _size(window) <= most_bytes and not _has_surrogates(window):
        return window, False
    return _cut(masked, most_bytes, 0), True


def _as_json(window: str, missing: int, most_bytes: int, texts: int) -> tuple[str, bool] | None:
    """A text that is JSON, or JSON in base64; None if it is neither. What need not be changed stays as it was written."""
    value = parsed(window, not missing)
    if value is not None:
        written, is_touched = _json(value, most_bytes, texts + 1)
        if missing or is_touched or _size(window) > most_bytes:
            return written, True
        return window, False
    value = parsed(_from_base64(window), not missing)
    return None if value is None else (_json(value, most_bytes, texts + 1)[0], True)


def _from_base64(window: str) -> str:
    """What base64 hides, if that begins as JSON does: the data of Kinesis and Kafka."""
    if len(window) < 8 or window[0] not in "eW" or not _BASE64.issuperset(window.rstrip("=")):
        return ""
    return _decoded(window).decode("utf-8", "replace")


def _decoded(window: str) -> bytes:
    import binascii

    try:
        return binascii.a2b_base64(window[: len(window) // 4 * 4])
    except ValueError:
        return b""


def _binary(value: Any, most_bytes: int, texts: int) -> tuple[str, bool]:
    """Bytes as the text that they are; of others, how many there are."""
    base = plain.base_of(type(value)) or bytes
    size = plain.size(value, base)
    window = bytes(plain.beginning(value, base, most_bytes + 4 * _MARGIN))
    try:
        text = window.decode()
    except UnicodeDecodeError as error:
        if len(window) == size or error.start < len(window) - 4:
            return f"<{size} bytes>"[:most_bytes], True
        text = window[: error.start].decode()
    return _text(text, most_bytes, texts, size - len(window))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _cut(text: str, most_bytes: int, beyond: int) -> str:
    """As much of a text as there is room for, and how much is missing; `beyond` characters are missing already."""
    encoded = text.encode("utf-8", "replace")
    if not beyond and len(encoded) <= most_bytes:
        return encoded.decode()
    room = most_bytes - len("... 123456789012 more")
    if room <= 0:
        return "..."
    kept = encoded[:room].decode("utf-8", "ignore")
    missing = len(text) - len(kept) + beyond
    return f"{kept}... more" if missing >= _UNKNOWN else f"{kept}... {missing} more"


def _is_empty(value: Any) -> bool:
    """What says nothing that could be secret, and much to whoever looks for a mistake."""
    return value is None or value is True or value is False or (type(value) is str and not value)


class _Writer:
    """Writes one value. `left` are the bytes that may still be written; whoever writes a value leaves `_LEAST` for it."""

    def __init__(self, most_bytes: int, texts: int) -> None:
        self.parts: list[str] = []
        self.left = most_bytes
        self.texts = texts
        self.is_touched = False
        self._path: set[int] = set()

    def write(self, value: Any, depth: int) -> None:
        base = plain.base_of(type(value))
        if value is None or base is bool:
            self._put("null" if value is None else "true" if value else "false")
        elif base is str:
            self._string(value, _text)
        elif base is int or base is float:
            self._number(plain.scalar(value, base))
        elif plain.is_collection(base):
            self._collection(value, base, depth)
        elif base is not None:
            self._string(value, _binary)
        else:
            self._string(_told(value), _text)
            self.is_touched = True

    def _put(self, text: str) -> None:
        if len(text) > self.left:
            text, self.is_touched = '"..."', True
        self.parts.append(text)
        self.left -= len(text)

    def _number(self, value: float) -> None:
        written = (
            f"<int of {value.bit_length()} bits>"
            if type(value) is int and value.bit_length() > 512
            else repr(value)
        )
        if not written[-1].isdigit():
            self._put(f'"{written}"')
        elif len(written) > 12 and masking.text(written) != written:
            self._put(f'"{masking.MASK}"')
            self.is_touched = True
        else:
            self._put(written)

    def _string(self, value: Any, make: Callable[[Any, int, int], tuple[str, bool]]) -> None:
        """Writes a text. Quotes and escapes may make it too long: then it is made anew, for less room."""
        room = self.left - 2
        for _ in range(_MOST_TRIES):
            text, is_touched = make(value, room, self.texts)
            written = _quoted(text)
            if (size := _size(written)) <= self.left:
                self.is_touched = self.is_touched or is_touched
                self.parts.append(written)
                self.left -= size
                return
            room = room * self.left // size - _LEAST
            if room < _LEAST:
                break
        self._put('"..."')
        self.is_touched = True

    def _collection(self, value: Any, base: type, depth: int) -> None:
        count = plain.size(value, base)
        if (
            id(value) in self._path
            or depth >= _DEEPEST
            or (count and self.left < 2 + _ROOM_FOR_MARK + _LEAST)
        ):
            self._put('"<cycle>"' if id(value) in self._path else '"..."')
            self.is_touched = True
            return
        self._path.add(id(value))
        opening, closing = "{}" if base is dict else "[]"
        self.parts.append(opening)
        self.left -= 2
        if count:
            self.left -= _ROOM_FOR_MARK
            written = self._items(value, base, depth + 1)
            self.left += _ROOM_FOR_MARK
            if written < count:
                self._mark(base, "," if written else "", f"{count - written} more")
        self.parts.append(closing)
        self._path.discard(id(value))

    def _mark(self, base: type, separator: str, more: str) -> None:
        self._put(separator + (f'"...":"{more}"' if base is dict else f'"... {more}"'))
        self.is_touched = True

    def _items(self, value: Any, base: type, depth: int) -> int:
        """How many items there was room for."""
        write = self._pair if base is dict else self._item
        index = -1
        for index, item in enumerate(plain.items(value, base)):
            if not write(item, value, depth, "," if index else ""):
                return index
        return index + 1

    def _item(self, item: Any, of: Any, depth: int, separator: str) -> bool:
        if self.left < len(separator) + _LEAST:
            return False
        self.parts.append(separator)
        self.left -= len(separator)
        self.write(item, depth)
        return True

    def _pair(self, pair: tuple[Any, Any], of: Any, depth: int, separator: str) -> bool:
        key, value = plain.key_text(pair[0]), pair[1]
        head = separator + (_known_heads.get(key) or _head(key))
        size = _size(head)
        if self.left < size + _LEAST:
            return False
        self.parts.append(head)
        self.left -= size
        if masking.is_secret(key) and not _is_empty(value) and not _is_count(key, value):
            self._put(f'"{masking.MASK}"')
            self.is_touched = True
        elif key == "body" and type(value) is str and dict.get(of, "isBase64Encoded") is True:
            self._string(_decoded(value[: 4 * (self.left + 4 * _MARGIN)]), _binary)
            self.is_touched = True
        else:
            self.write(value, depth)
        return True


def _head(key: str) -> str:
    """A name before its value. Some are secrets themselves."""
    shown = masking.text(key[:_LONGEST_NAME]).encode("utf-8", "replace").decode()
    head = f"{_quoted(shown)}:"
    if len(_known_heads) < _MOST_KNOWN and shown == key:
        _known_heads[key] = head
    return head


def _is_count(key: str, value: Any) -> bool:
    """`max_tokens: 100` is what a language model may use, and no token."""
    return type(value) in (int, float) and key.lower().endswith("tokens")


def _told(value: Any) -> str:
    kind = type(value)
    named = (kind.__module__, kind.__qualname__)
    if named in _WRITTEN_OUT and getattr(sys.modules.get(named[0]), named[1], None) is kind:
        return str(value)
    return f"<{plain.type_name(kind)}>"
