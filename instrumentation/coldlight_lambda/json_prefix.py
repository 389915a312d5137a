"""JSON texts of which only the beginning is at hand: closed where they were cut, so that what is there can be read."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any

_TOKENS = r'"(?:[^"\\]|\\(?:u[0-9a-fA-F]{4}|[^u]))*"?|[{}\[\]:,]|[^\s"{}\[\]:,]+'
_CLOSING = {"{": "}", "[": "]"}
CUT = "\udbff"
"""Ends a string of which the rest is not at hand: half a character, which no text has by itself."""
_compiled: list[re.Pattern[str]] = []


def parsed(text: str, is_whole: bool) -> Any:
    """The object or array that a text is, or that it begins if it is not whole; None if it is neither.

    An object that has a name twice is not taken: readers do not agree on what it says.
    """
    start = text[:64].lstrip()[:1]
    if start not in ("{", "["):
        return None
    try:
        return json.loads(text if is_whole else closed(text), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def closed(text: str) -> str:
    """JSON that was cut anywhere, closed: after the string that was cut, or before the item that is not whole."""
    stack: list[str] = []
    good, ending = 0, ""
    before = ""
    for match in _tokens().finditer(text):
        token = match.group()
        if token in "{[":
            stack.append(token)
            good, ending = match.end(), _endings(stack, "")
        elif token in "}]" and stack:
            stack.pop()
        elif token == ",":
            good, ending = match.start(), _endings(stack, ",")
        elif _is_cut_string(token) and (before == ":" or (stack[-1:] == ["["] and before in ("[", ","))):
            return text[: match.end()] + '\\udbff"' + "".join(_CLOSING[opened] for opened in reversed(stack))
        before = token
    return text[:good] + ending


def _is_cut_string(token: str) -> bool:
    return token[0] == '"' and (len(token) == 1 or token[-1] != '"' or _is_escaped(token))


def _is_escaped(token: str) -> bool:
    """Whether the last quote of a string belongs to the string."""
    return (len(token[:-1]) - len(token[:-1].rstrip("\\"))) % 2 == 1


def _endings(stack: list[str], separator: str) -> str:
    mark = '"...":"..."' if stack[-1:] == ["{"] else '"..."'
    return separator + mark + "".join(_CLOSING[opened] for opened in reversed(stack))


def _tokens() -> re.Pattern[str]:
    if not _compiled:
        import re

        _compiled.append(re.compile(_TOKENS))
    return _compiled[0]
