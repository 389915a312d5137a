"""From a route to a function that answers data frames.

The function's parameters are those of the route's own model, so that type checkers and notebooks know them by name.
"""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import pandas as pd
from pydantic import BaseModel

from coldlight_query.client.connection import Connection
from coldlight_query.routes.parameters import Parameters
from coldlight_query.tables.layout import Layout, listing
from coldlight_query.tables.pages import Pages

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., pd.DataFrame])


@dataclass(frozen=True)
class Frames:
    """Makes the functions: they ask `connection`, and join pages until there are `max_rows` rows."""

    connection: Connection
    max_rows: int

    def of_list(
        self,
        path: str,
        parameters: Callable[P, Parameters],
        answer: type[BaseModel],
        layout: Layout | None = None,
    ) -> Callable[P, pd.DataFrame]:
        """Of a route that lists something; without a layout, a row for each of that."""

        def frame(*args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
            rows = layout or listing(answer, kwargs.get("table"))  # type: ignore[arg-type]
            return self._read(path, Pages(answer, rows), _asked(parameters, kwargs))

        return _described(frame, parameters, answer)

    def of_one(
        self, path: str, parameters: Callable[P, Parameters], answer: type[BaseModel], layout: Layout
    ) -> Callable[Concatenate[str, P], pd.DataFrame]:
        """Of a route about one thing, whose id or name takes the place of `{}` in the path."""

        def frame(known_id: str, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
            of_this = path.format(quote(known_id, safe=""))
            return self._read(of_this, Pages(answer, layout), _asked(parameters, kwargs))

        return _described(frame, parameters, answer, _KNOWN_ID)

    def _read(self, path: str, pages: Pages, asked: "_Asked") -> pd.DataFrame:
        pages.add(self.connection.get(path, asked.parameters))
        while asked.is_whole and pages.next_cursor and pages.rows < self.max_rows:
            pages.add(self.connection.get(path, {**asked.parameters, "cursor": pages.next_cursor}))
        if asked.is_whole and pages.next_cursor:
            warnings.warn(
                f"{path}: there are more rows than these {pages.rows}; narrow what you ask for, raise max_rows, "
                'or go on with cursor=frame.attrs["next_cursor"]',
                stacklevel=3,
            )
        return pages.frame()


@dataclass(frozen=True)
class _Asked:
    """What to send, and whether all pages are wanted: who gives a `limit` wants one page of that many."""

    parameters: Mapping[str, Any]
    is_whole: bool


def _asked(parameters: Any, given: Mapping[str, Any]) -> _Asked:
    """Pages that are joined are large; the format of what travels is the client's affair."""
    page_limit = getattr(parameters, "file_limit", None)
    without_format = {name: value for name, value in given.items() if name != "format"}
    return _Asked({"limit": page_limit, **without_format}, is_whole="limit" not in given)


_KNOWN_ID = inspect.Parameter("known_id", inspect.Parameter.POSITIONAL_ONLY, annotation=str)


def _described(frame: F, parameters: Any, answer: type[BaseModel], *before: inspect.Parameter) -> F:
    """The function with what notebooks show of it: the parameters, and what each of them means."""
    own = inspect.signature(parameters)
    named = [each for name, each in own.parameters.items() if name != "format"]
    signature = own.replace(parameters=[*before, *named], return_annotation=pd.DataFrame)
    frame.__signature__ = signature  # type: ignore[attr-defined]
    frame.__doc__ = "\n".join([answer.__doc__ or "", "", *_explained(parameters)])
    return frame


def _explained(parameters: type[Parameters]) -> Iterator[str]:
    for name, field in parameters.model_fields.items():
        if name != "format":
            yield f"{name}: {field.description}"
