"""A function's runs, newest first: what matches is found in ever longer stretches of time, and read whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from coldlight_query import cursors
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.answers import invocation
from coldlight_query.invocations.names import Identity, identity_of, the_one
from coldlight_query.invocations.run import Run
from coldlight_query.invocations.runs import Stretch, in_stretch, read_runs
from coldlight_query.statements import statement
from coldlight_query.times import LATEST_NS
from coldlight_storage import Reader, Row

_ROUTE = "invocations"
_HOUR_NS = 3600 * 10**9
_REACHES_NS = (_HOUR_NS, 24 * _HOUR_NS)
_LAST = "~"
"""After every id."""


@dataclass(frozen=True)
class Wanted:
    """Runs of a function that begin in [start_ns, end_ns]; what is empty, None or 0 does not narrow."""

    function: Identity
    start_ns: int
    end_ns: int
    status: str = ""
    cold: bool | None = None
    version: str = ""
    min_duration_ms: float = 0
    limit: int = 100
    cursor: str | None = None

    def parameters(self) -> dict[str, Any]:
        return {
            "account": self.function.account,
            "region": self.function.region,
            "status": self.status,
            "cold": -1 if self.cold is None else int(self.cold),
            "version": self.version,
            "min_duration_ms": self.min_duration_ms,
        }


def list_runs(store: Reader, wanted: Wanted, now_ns: int, prices: Tables) -> dict[str, Any]:
    """`models.Invocations`: the page after the cursor. Raises `ProblemError` (409) for the name of several functions."""
    _check_is_one(store, wanted)
    found: list[Row] = []
    for stretch, place in _stretches(wanted, now_ns):
        missing = wanted.limit + 1 - len(found)
        bounds = stretch.parameters() | dict(zip(_PLACE, place, strict=True)) | {"limit": missing}
        found += store.select(in_stretch("runs_that_match"), bounds | wanted.parameters())
        if len(found) > wanted.limit:
            break
    page = found[: wanted.limit]
    last = page[-1] if len(found) > wanted.limit else None
    return {
        "invocations": [invocation(run, prices) for run in _whole(store, page)],
        "next_cursor": cursors.encode(_ROUTE, last["start_ns"], last["request_id"], last["instance"])
        if last
        else None,
    }


def _check_is_one(store: Reader, wanted: Wanted) -> None:
    stretch = Stretch(wanted.start_ns, wanted.end_ns, wanted.function.name)
    rows = store.select(statement("invocations/namesakes"), stretch.parameters())
    candidates = [each for each in map(identity_of, rows) if each.may_be(wanted.function)]
    if candidates:
        the_one(wanted.function, candidates)


_PLACE = ("before_ns", "before_request_id", "before_instance")


def _stretches(wanted: Wanted, now_ns: int) -> Iterator[tuple[Stretch, Sequence[Any]]]:
    """Ever longer ones, from the cursor or the end back to the start, and the place before which each begins."""
    place: list[Any] = [LATEST_NS, _LAST, _LAST]
    if wanted.cursor is not None:
        place = cursors.decode(wanted.cursor, _ROUTE, int, str, str)
    end_ns = min(wanted.end_ns, place[0])
    newest_ns = min(end_ns, now_ns)
    for start_ns in (newest_ns - reach_ns for reach_ns in _REACHES_NS):
        if start_ns > wanted.start_ns:
            yield Stretch(start_ns, end_ns, wanted.function.name), place
            end_ns = start_ns - 1
    yield Stretch(wanted.start_ns, end_ns, wanted.function.name), place


def _whole(store: Reader, page: Sequence[Row]) -> Iterator[Run]:
    """The runs of a page with all that is known of them, also what was told outside of the stretch or without a name."""
    runs: dict[str, list[Run]] = {}
    for run in read_runs(store, {row["request_id"] for row in page}):
        runs.setdefault(run.request_id, []).append(run)
    for row in page:
        if candidates := runs.get(row["request_id"]):  # else it has been dropped since
            yield min(candidates, key=lambda run: abs(run.start_time_unix_nano - row["start_ns"]))
