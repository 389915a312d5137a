"""From the names that a filter writes to fields and attributes, with advice where there is no such name."""

from collections.abc import Iterable
from difflib import get_close_matches

from coldlight_query.filters.dialects import Dialect
from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.fields import Attribute, Field, Scope

ROOT = "root"
"""The condition that stands alone, without a comparison."""


def named_field(name: str, dialect: Dialect) -> Field:
    """The field `name`. Raises `FilterError`, which tells what was probably meant."""
    if name == ROOT and dialect.has_roots:
        raise FilterError("root is compared with nothing; write root or not root")
    if name in dialect.scopes:
        raise FilterError(f'{name} needs a key in brackets, such as {name}["http.route"]')
    if name not in dialect.columns:
        raise FilterError(f"there is no field {name}; {_advice(name, dialect)}")
    return Field(name)


def named_attribute(scope: str, key: str, dialect: Dialect) -> Attribute:
    """The attribute `key` in `scope`. Raises `FilterError`, which tells what was probably meant."""
    if scope in _fields(dialect):
        raise FilterError(f"{scope} has no keys; leave out the brackets")
    if scope not in dialect.scopes:
        raise FilterError(f"{scope} holds no attributes; {_nearest(scope, dialect.scopes)}")
    return Attribute(Scope(scope), key)


def _fields(dialect: Dialect) -> list[str]:
    return [*dialect.columns, *([ROOT] if dialect.has_roots else [])]


def _advice(name: str, dialect: Dialect) -> str:
    scope, dot, key = name.partition(".")
    if not dot:
        return _nearest(name, _fields(dialect))
    if scope in dialect.scopes:
        return f"write {Attribute(Scope(scope), key)}"
    return f"write {Attribute(Scope.OWN, name)}, or resource[...] for what describes the service"


def _nearest(name: str, known: Iterable[str]) -> str:
    choices = [str(choice) for choice in known]
    close = get_close_matches(name.lower(), choices, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of {', '.join(choices)}"
