"""Where an answer has its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from coldlight_query.models import Series
from coldlight_query.tables.annotations import as_model, bare, listed_model


@dataclass(frozen=True)
class Layout:
    """Rows are what an answer has in `members`, one after another; without any, the answer itself is one.

    With `part`, each of these has rows in that list, and its `kept` members go before those of every row.
    """

    members: tuple[str, ...]
    part: str = ""
    kept: tuple[str, ...] = ()

    def rows(self, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The rows of an answer, with the members that `columns_of` knows."""
        items = [item for member in self.members for item in _listed(answer[member])]
        if not self.members:
            items = [answer]
        if not self.part:
            return items
        return [
            {**{name: item[name] for name in self.kept}, **row} for item in items for row in item[self.part]
        ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def parts_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The members that are objects or lists of them, and of which model."""
    return dict(_parts(model))


def _parts(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        annotation = bare(field.annotation)
        if (part := as_model(annotation) or listed_model(annotation)) is not None:
            yield name, part


_UNROLLED: Mapping[type[BaseModel], tuple[str, tuple[str, ...]]] = {Series: ("points", ("measure", "labels"))}
"""Items of which each has rows, in which list, and what of the item belongs to every row."""


def listing(model: type[BaseModel], member: str | None = None) -> Layout:
    """The rows of an answer that lists something: those in `member`, else in the first one that can have any."""
    parts = parts_of(model)
    name = member or next(iter(parts))
    return Layout((name,), *_UNROLLED.get(parts[name], ("", ())))
