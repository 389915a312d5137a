"""Where an answer has its rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from coldlight_query.models import Series
from coldlight_query.tables.annotations import bare, listed_model


@dataclass(frozen=True)
class Layout:
    """Rows are the `items` of an answer or, with `part`, what each item has in that list, after the item's `kept` members."""

    items: str
    part: str = ""
    kept: tuple[str, ...] = ()

    def rows(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows of an answer, with the members that `columns_of` knows."""
        items: list[dict[str, Any]] = answer[self.items]
        if not self.part:
            return items
        return [
            {**{name: item[name] for name in self.kept}, **row} for item in items for row in item[self.part]
        ]


_UNROLLED: Mapping[type[BaseModel], tuple[str, tuple[str, ...]]] = {Series: ("points", ("measure", "labels"))}
"""Items of which each has rows, in which list, and what of the item belongs to every row."""


def lists_of(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The members of an answer that are lists of objects, and of which."""
    return dict(_lists(model))


def _lists(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        if (of := listed_model(bare(field.annotation))) is not None:
            yield name, of


def layout_of(model: type[BaseModel], items: str | None = None) -> Layout:
    """The rows of an answer: those of its list `items`, else of its first one."""
    lists = lists_of(model)
    name = items or next(iter(lists))
    return Layout(name, *_UNROLLED.get(lists[name], ("", ())))
