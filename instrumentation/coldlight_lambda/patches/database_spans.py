"""What the span of a database call says (OpenTelemetry semantic conventions, "Database client spans", and "SQL").

Values never leave the function: literals in a query's text are replaced by `?`, parameters are not looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache

from coldlight_lambda import recorder
from coldlight_lambda.errors import type_name
from coldlight_lambda.spans import CLIENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Attributes, Span

MYSQL = frozenset(("mysql", "mariadb"))
LONGEST_TEXT = 4096

# A literal that has no end, for the text is cut or broken, lasts until the end of the text.
_ESCAPED = r"'(?:[^'\\]|\\.|'')*(?:'|\\?\Z)"
_STANDARD = (
    rf"[eE]{_ESCAPED}|[bBxXnN]?'(?:[^']|'')*(?:'|\Z)"
    r"|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"
)
_MYSQL_LITERAL = rf'[bBxXnN]?{_ESCAPED}|"(?:[^"\\]|\\.|"")*(?:"|\\?\Z)'
_NUMBER = r"0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_COMMENT = r"--[^\n]*|/\*.*?(?:\*/|\Z)"
_NAMED = r"[:@$]\w+|\?\d*|[^\W\d][\w$]*|`[^`]*`"


def _tokens(literal: str, comment: str, name: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<literal>{literal})|(?P<comment>{comment})|(?P<name>{name})|(?P<number>{_NUMBER})", re.DOTALL
    )


_SQL = _tokens(_STANDARD, _COMMENT, _NAMED + r'|"(?:[^"]|"")*"|\[[^\W\d]\w*\]')
_MYSQL = _tokens(_MYSQL_LITERAL, _COMMENT + r"|\#[^\n]*", _NAMED)
_NAME = r"[\w$.\"`\[\]]+"
_TABLE = re.compile(
    rf"\b(?:FROM|JOIN|INTO|UPDATE|COPY|TABLE(?:\s+IF(?:\s+NOT)?\s+EXISTS)?)\s+(?:ONLY\s+)?(?!STDIN\b)({_NAME})",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z]+")


@lru_cache(maxsize=128)
def statement(query: str, system: str) -> Attributes:
    """Attributes of an SQL statement: its text without literals, what it does, and to which table if it is to one alone."""
    safe = (_MYSQL if system in MYSQL else _SQL).sub(_safe, query[:LONGEST_TEXT]).strip()
    word = _WORD.search(safe)
    tables = set(_TABLE.findall(safe))
    return {
        "db.query.text": safe,
        "db.operation.name": word[0].upper() if word else None,
        "db.collection.name": re.sub(r"[\"`\[\]]", "", tables.pop()) if len(tables) == 1 else None,
    }


def _safe(found: re.Match[str]) -> str:
    if found["comment"]:
        return " "
    return found["name"] or "?"


def start(system: str, attributes: Attributes, own: Optional[Attributes] = None) -> Span | None:
    """The span of a call to a database; None where it is not recorded. `own` is what is known of the connection."""
    span = recorder.start(system, CLIENT, {"db.system.name": system})
    if span is None:
        return None
    span.set(own or {})
    span.set(attributes)
    operation, collection = attributes.get("db.operation.name"), attributes.get("db.collection.name")
    span.name = " ".join([str(part) for part in (operation, collection) if part]) or system
    recorder.announce(span)
    return span


def fail(span: Span, error: BaseException, code: Any = None) -> None:
    """Ends a span with what the driver raised; `code` is the database's own, if it has told one."""
    span.set({"db.response.status_code": None if code is None else str(code), "error.type": type_name(error)})
    recorder.end(span, error)


def text(value: Any) -> str:
    """What drivers take as bytes or as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def number(port: Any) -> int | None:
    """A port, as the drivers have it: as a number or as text."""
    return int(port) if str(port).isdigit() else None
