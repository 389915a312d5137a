"""Files of data frames: CSV for spreadsheets, Parquet for programs."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

_BEGINS_A_FORMULA = "[=+\\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]"
"""With the signs' full-width forms."""


def file_of(frame: pd.DataFrame, file_format: str) -> bytes:
    """The frame as a file; `file_format` is `csv` or `parquet`."""
    return _WRITERS[file_format](frame)


def _csv(frame: pd.DataFrame) -> bytes:
    """CSV as RFC 4180 has it, in UTF-8; null is an empty cell, as is empty text.

    Spreadsheets would run what begins like a formula, and anybody's request may have brought it: such text gets a `'` in front
    (OWASP, "CSV Injection"; ASVS 5.0, 1.2.10). Lines end with CRLF, for then a lone CR or LF in a text is quoted, too.
    """
    cells = frame.apply(_as_cells)
    return cells.to_csv(index=False, lineterminator="\r\n").encode()


def _as_cells(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return _rfc3339(column)
    if isinstance(column.dtype, pd.StringDtype):
        return column.mask(column.str.match(_BEGINS_A_FORMULA).fillna(False), "'" + column)
    return column


def _rfc3339(column: "pd.Series[Any]") -> "pd.Series[Any]":
    times = column.dt.tz_convert(None).to_numpy()
    text = pd.Series(np.datetime_as_string(times, unit="ns"), dtype="string", index=column.index) + "Z"
    return text.mask(column.isna())


def _parquet(frame: pd.DataFrame) -> bytes:
    file = BytesIO()
    frame.to_parquet(file, engine="pyarrow", index=False, compression="zstd")
    return file.getvalue()


_WRITERS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {"csv": _csv, "parquet": _parquet}
