"""Errors of the grammar in words: what was found, what could stand there, and what was probably meant."""

from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.fields import Operator

_TERMINALS = {
    "NAME": "a name",
    "STRING": "text in quotes",
    "QUANTITY": "a number",
    "OPERATOR": f"a comparison ({' '.join(Operator)})",
    "IN": "`in`",
    "EXISTS": "`exists`",
    "NOT": "`not`",
    "AND": "`and`",
    "OR": "`or`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "COMMA": "`,`",
    "$END": "the end",
}
"""What the grammar's terminals are called, in the order in which they are offered."""

_SLIPS = {
    "==": "equality is written =",
    "=~": "a regular expression is compared with ~",
    "<>": "inequality is written !=",
    "&&": "write and in place of &&",
    "||": "write or in place of ||",
    "!": "write not in place of !",
    "not in": "write not in front, as in: not service in (...)",
    "exists": 'write exists in front, as in: exists attributes["http.route"]',
    "\u201c": 'use straight quotes: "',
    "\u2018": "use straight quotes: '",
}
"""Other ways to write it, and what to write here."""


def grammar_error(text: str, error: UnexpectedInput) -> FilterError:
    """The `FilterError` for a text that does not follow the grammar."""
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    position = len(text) if ended else error.pos_in_stream or 0
    expected = _expected(error)
    message = (
        _unclosed(text, position, error)
        or _slip(text, position)
        or f"expected {_alternatives(expected)}, not {_found(text, position)}"
    )
    return FilterError(message, position=position, expected=expected, text=text)


def _expected(error: UnexpectedInput) -> tuple[str, ...]:
    terminals: set[str] = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]
    return tuple(words for terminal, words in _TERMINALS.items() if terminal in terminals)


def _alternatives(words: tuple[str, ...]) -> str:
    most, last = ", ".join(words[:-1]), "".join(words[-1:])
    return f"{most} or {last}" if most else last


def _unclosed(text: str, position: int, error: UnexpectedInput) -> str | None:
    quote = text[position : position + 1]
    if isinstance(error, UnexpectedCharacters) and quote in ('"', "'"):
        return f"this text never ends: close it with {quote}, and write \\{quote} for a quote within"
    return None


def _slip(text: str, position: int) -> str | None:
    """What was probably meant; of a slip of two signs, the first may have been read as an operator."""
    for slip, advice in _SLIPS.items():
        if text[position:].lower().startswith(slip) or text.startswith(slip, max(position - 1, 0)):
            return advice
    return None


def _found(text: str, position: int) -> str:
    words = text[position : position + 20].split()
    return repr(words[0]) if words else "the end"
