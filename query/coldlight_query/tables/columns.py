"""The columns of a table, by the model of its rows: a nested object's members become columns `object.member`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from coldlight_query.tables.annotations import as_model, bare
from coldlight_query.tables.layout import Layout, parts_of

_UNIX_NANO = "_unix_nano"


class Kind(Enum):
    """What a column holds; any cell may be null."""

    TIME = auto()
    INTEGER = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    TEXT = auto()
    JSON = auto()
    LABELS = auto()
    """A map of texts, each of which has a column of its own."""


_KINDS: Mapping[Any, Kind] = {int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN, str: Kind.TEXT}


@dataclass(frozen=True)
class Column:
    """A column, and where a row has its cell."""

    name: str
    path: tuple[str, ...]
    kind: Kind

    def cell(self, row: Mapping[str, Any]) -> Any:
        """What a row says; None also where it says nothing, or there is no such object in it."""
        value: Any = row
        for member in self.path:
            value = None if value is None else value.get(member)
        return value


def columns_of(answer: type[BaseModel], layout: Layout) -> list[Column]:
    """The columns of the rows that `layout` finds in an answer of this model, in the order of the models' members."""
    item = parts_of(answer)[layout.members[0]] if layout.members else answer
    if not layout.part:
        return list(_columns(item))
    kept = (column for column in _columns(item) if column.path[0] in layout.kept)
    return [*kept, *_columns(parts_of(item)[layout.part])]


def _columns(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[Column]:
    for member, field in model.model_fields.items():
        annotation = bare(field.annotation)
        if (nested := as_model(annotation)) is not None:
            yield from _columns(nested, (*path, member))
        else:
            yield _column((*path, member), annotation)


def _column(path: tuple[str, ...], annotation: Any) -> Column:
    name, kind = ".".join(path), _kind(annotation)
    if kind is Kind.INTEGER and name.endswith(_UNIX_NANO):
        return Column(name.removesuffix(_UNIX_NANO), path, Kind.TIME)
    return Column(name, path, kind)


def _kind(annotation: Any) -> Kind:
    if annotation in _KINDS:
        return _KINDS[annotation]
    if get_origin(annotation) is Literal or (isinstance(annotation, type) and issubclass(annotation, str)):
        return Kind.TEXT
    if get_origin(annotation) is dict and get_args(annotation) == (str, str):
        return Kind.LABELS
    return Kind.JSON
