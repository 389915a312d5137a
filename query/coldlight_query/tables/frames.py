"""Data frames of rows. This file imports pandas, which takes a second: it is itself imported when a table is asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pandas as pd

from coldlight_query.tables.columns import Column, Kind

Row = Mapping[str, Any]


def frame_of(columns: Sequence[Column], rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as a frame; each column has the type of its kind, whatever is in it, and null is what is not known.

    A member that is in none of the rows has no column: so answers leave out what was not asked for.
    """
    shown = [column for column in columns if not rows or any(column.path[0] in row for row in rows)]
    return pd.DataFrame(dict(array for column in shown for array in _arrays(column, rows)))


def _arrays(column: Column, rows: Sequence[Row]) -> Iterator[tuple[str, Any]]:
    cells = [column.cell(row) for row in rows]
    if column.kind is not Kind.LABELS:
        yield column.name, _ARRAYS[column.kind](cells)
        return
    for label in dict.fromkeys(label for labels in cells for label in labels or ()):
        yield f"{column.name}.{label}", _texts([labels and labels.get(label) for labels in cells])


def _times(cells: Sequence[int | None]) -> pd.DatetimeIndex:
    """By way of integers that can be null: floats would lose nanoseconds."""
    unix_nano = _integers(cells).to_numpy("int64", na_value=pd.NaT.value)
    return pd.DatetimeIndex(unix_nano.view("datetime64[ns]"), tz="UTC")


def _integers(cells: Sequence[int | None]) -> Any:
    """Signed ones, unless there is one that only fits without sign: senders may claim any duration."""
    return pd.array(cells, dtype="UInt64" if any(cell and cell >= 2**63 for cell in cells) else "Int64")


def _texts(cells: Sequence[str | None]) -> Any:
    return pd.array(cells, dtype="string")


def _json(cells: Sequence[Any]) -> Any:
    """Text as it is; null stays null, for it is no value."""
    return _texts(
        [cell if cell is None or isinstance(cell, str) else orjson.dumps(cell).decode() for cell in cells]
    )


_ARRAYS: Mapping[Kind, Callable[[Sequence[Any]], Any]] = {
    Kind.TIME: _times,
    Kind.INTEGER: _integers,
    Kind.NUMBER: lambda cells: pd.array(cells, dtype="Float64"),
    Kind.BOOLEAN: lambda cells: pd.array(cells, dtype="boolean"),
    Kind.TEXT: _texts,
    Kind.JSON: _json,
}
