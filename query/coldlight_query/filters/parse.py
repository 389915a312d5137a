"""From the text of a filter to its tree."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import cast

from lark import Lark, Token, Transformer, UnexpectedInput, v_args

from coldlight_query.filters.dialects import SPANS, Dialect
from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.fields import Attribute, Field, Operator, check_operator
from coldlight_query.filters.grammar_errors import grammar_error
from coldlight_query.filters.names import ROOT, named_attribute, named_field
from coldlight_query.filters.syntax import And, Comparison, Exists, Expression, Not, Or, Root, depth, leaves
from coldlight_query.filters.values import Value, read_quantity

MAX_LENGTH = 4096
MAX_DEPTH = 50
MAX_COMPARISONS = 100

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t"}


def parse_filter(text: str, dialect: Dialect = SPANS) -> Expression:
    """The tree of a filter (docs/filter-language.md); that of an empty text matches everything.

    Raises `FilterError` for what the language does not allow, for more than `MAX_LENGTH` characters or
    `MAX_COMPARISONS` comparisons (each value of `in` is one), and for nesting deeper than `MAX_DEPTH`.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(text)} characters; at most {MAX_LENGTH} are allowed")
    try:
        return cast(Expression, _language(dialect).parse(text, start="start"))  # `start` below makes it
    except FilterError as error:
        raise error.shown_in(text) from None
    except UnexpectedInput as error:
        raise grammar_error(text, error) from None


def parse_subject(text: str, dialect: Dialect = SPANS) -> Field | Attribute:
    """The field or attribute that `text` names, as a filter would: `service`, `attributes["http.route"]`.

    Raises `FilterError`.
    """
    try:
        return cast(Field | Attribute, _language(dialect).parse(text, start="subject"))
    except FilterError as error:
        raise error.shown_in(text) from None
    except UnexpectedInput as error:
        raise grammar_error(text, error) from None


@cache
def _language(dialect: Dialect) -> Lark:
    starts = ["start", "subject"]
    return Lark.open(
        "grammar.lark", rel_to=__file__, start=starts, parser="lalr", transformer=_Nodes(dialect)
    )


@v_args(inline=True)
class _Nodes(Transformer[Token, Expression]):
    """Makes nodes while the grammar's rules match, and so without recursion, however deep the text nests."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self._dialect = dialect

    def start(self, expression: Expression | None) -> Expression:
        if expression is None:
            return And(())
        comparisons = sum(1 for _ in leaves(expression))
        if comparisons > MAX_COMPARISONS:
            raise FilterError(
                f"the filter makes {comparisons} comparisons; at most {MAX_COMPARISONS} are allowed"
            )
        return expression

    def disjunction(self, *parts: Expression | Token) -> Expression:
        operands = cast(tuple[Expression, ...], parts[::2])
        with _pointing_at(cast(Token, parts[1])):
            return _not_too_deep(Or(operands))

    def conjunction(self, *parts: Expression | Token) -> Expression:
        operands = cast(tuple[Expression, ...], parts[::2])
        with _pointing_at(cast(Token, parts[1])):
            return _not_too_deep(And(operands))

    def negation(self, keyword: Token, operand: Expression) -> Expression:
        with _pointing_at(keyword):
            return _not_too_deep(Not(operand))

    def comparison(self, subject: Field | Attribute, operator: Token, value: Token) -> Comparison:
        return _comparison(subject, operator, value)

    def membership(self, subject: Field | Attribute, keyword: Token, *values: Token) -> Expression:
        equal = keyword.update(value=Operator.EQUAL)
        comparisons = tuple(_comparison(subject, equal, value) for value in values)
        return Or(comparisons) if len(comparisons) > 1 else comparisons[0]

    def existence(self, keyword: Token, subject: Field | Attribute) -> Exists:
        if isinstance(subject, Attribute):
            return Exists(subject)
        raise FilterError(f"{subject} always exists; ask for its value", position=keyword.start_pos)

    def flag(self, name: Token) -> Root:
        if name == ROOT and self._dialect.has_roots:
            return Root()
        with _pointing_at(name):
            field = named_field(name, self._dialect)
            alone = f"; only {ROOT} stands alone" if self._dialect.has_roots else ""
            raise FilterError(f"{field} must be compared with a value{alone}")

    def subject(self, name: Token, key: Token | None) -> Field | Attribute:
        with _pointing_at(name):
            if key is None:
                return named_field(name, self._dialect)
            return named_attribute(name, _unquoted(key), self._dialect)


def _comparison(subject: Field | Attribute, sign: Token, token: Token) -> Comparison:
    operator = Operator(sign.lower())
    with _pointing_at(token):
        value = _value(subject, token)
    with _pointing_at(sign):
        check_operator(subject, operator, value)
    with _pointing_at(token):
        return Comparison(subject, operator, value)


def _value(subject: Field | Attribute, token: Token) -> Value:
    if token.type == "STRING":
        return _unquoted(token)
    if token.type == "QUANTITY":
        return read_quantity(str(token))
    if token.lower() in ("true", "false"):
        return token.lower() == "true"
    if subject in (Field.KIND, Field.STATUS, Field.SEVERITY):
        return str(token)
    raise FilterError(f'put text in quotes: "{token}"')


def _unquoted(string: Token) -> str:
    """The text that a string literal stands for. A pair of surrogate escapes is one character, as in JSON."""

    def character(escape: re.Match[str]) -> str:
        code = escape[1]
        if len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            place = (string.start_pos or 0) + 1 + escape.start()
            raise FilterError(rf"there is no escape \{code}; write \\{code} for a backslash", position=place)
        return _ESCAPED[code]

    text = _ESCAPE.sub(character, string[1:-1])
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _not_too_deep(expression: Expression) -> Expression:
    if depth(expression) > MAX_DEPTH:
        raise FilterError(f"the filter nests deeper than {MAX_DEPTH} levels")
    return expression


@contextmanager
def _pointing_at(token: Token) -> Iterator[None]:
    """Errors from within are about this token, unless they know better."""
    try:
        yield
    except FilterError as error:
        raise error.placed(token.start_pos or 0) from None
