r"""What UTF-8 cannot carry, on its way from JSON to OTLP: halves of UTF-16 pairs, which JSON can spell ("\ud800"), and
bytes that are no UTF-8 in the first place.

Parsers refuse a whole request for one of these. So each gets a stand-in before JSON is read: its digits between two
noncharacters, which Unicode keeps for such use inside a program (The Unicode Standard, 23.7). Keys that differ in nothing
else stay different. Once the OTLP request is made, U+FFFD takes the place of a stand-in, and what held it says so
(`utf8.mend_stand_ins`).
"""

import codecs
import re

_MARK = "\U0010fffe"
MARK = _MARK.encode()
"""In the bytes of every message that holds a stand-in."""

_STAND_IN = re.compile(MARK + b"[0-9a-f]{2,6}" + MARK)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()

_HIGH = r"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# A backslash behind an odd number of others is a character of the text, and begins no escape.
_ESCAPES = re.compile(rf"(?<!\\)((?:\\\\)*+)((?:{_HIGH}|{_LOW})++)")
_PAIR_OR_HALF = re.compile(rf"({_HIGH}{_LOW})|\\u([dD][0-9a-fA-F]{{3}})")


def decode_json(body: bytes) -> str:
    """JSON as text that every parser takes, if it is JSON at all."""
    return put_stand_ins(body.decode("utf-8", _ERRORS))


def put_stand_ins(json_text: str) -> str:
    """The text with stand-ins for the halves of UTF-16 pairs that it spells."""
    if "\\ud" not in json_text and "\\uD" not in json_text:
        return json_text
    return _ESCAPES.sub(lambda found: found[1] + _PAIR_OR_HALF.sub(_for_half, found[2]), json_text)


def replace_stand_ins(text: bytes) -> bytes:
    """UTF-8 with U+FFFD where a stand-in was."""
    return _STAND_IN.sub(_REPLACEMENT, text)


def _for_half(found: re.Match[str]) -> str:
    return found[1] or f"{_MARK}{found[2].lower()}{_MARK}"


def _for_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return f"{_MARK}{error.object[error.start : error.end].hex()}{_MARK}", error.end


_ERRORS = "coldlight.stand_ins"
codecs.register_error(_ERRORS, _for_bytes)
