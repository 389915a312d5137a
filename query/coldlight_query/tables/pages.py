"""The pages of an answer, joined to one frame."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pandas as pd
from pydantic import BaseModel

from coldlight_query.tables.columns import columns_of
from coldlight_query.tables.frames import frame_of
from coldlight_query.tables.layout import Layout, parts_of


@dataclass
class Pages:
    """The rows of the pages so far, and what the last one says `beside` what it lists; the warnings are those of all of them."""

    answer: type[BaseModel]
    layout: Layout
    beside: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    json_bytes: int = 0
    _frames: list[pd.DataFrame] = field(default_factory=list)

    def add(self, body: bytes | memoryview) -> None:
        """Adds a page as it was answered in JSON."""
        page = orjson.loads(body)
        rows = self.layout.rows(page)
        self._frames.append(frame_of(columns_of(self.answer, self.layout), rows))
        self.rows += len(rows)
        self.json_bytes += len(body)
        self.beside = self._beside(page)

    @property
    def next_cursor(self) -> str | None:
        return self.beside.get("next_cursor")

    def frame(self) -> pd.DataFrame:
        """All rows; `attrs` has what was said beside them."""
        [first, *more] = self._frames
        frame = pd.concat(self._frames, ignore_index=True) if more else first
        frame.attrs.update(self.beside)
        return frame

    def _beside(self, page: dict[str, Any]) -> dict[str, Any]:
        said = {name: value for name, value in page.items() if name not in parts_of(self.answer)}
        if "warnings" in said:
            said["warnings"] = _each_once([*self.beside.get("warnings", ()), *said["warnings"]])
        return said


def _each_once(warnings: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(warnings))
