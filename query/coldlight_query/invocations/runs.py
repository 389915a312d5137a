"""Asks the store for runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldlight_query.invocations.run import Run, Sandbox, in_its_sandbox, run_from_row, sandbox_from_row
from coldlight_query.statements import statement
from coldlight_storage import Reader

_OF_REQUESTS = "RequestId IN {request_ids:Array(String)}"


def in_stretch(name: str) -> str:
    """The statement `invocations/<name>` over the runs of a stretch of time, of which it needs what is counted."""
    return over_stretch(statement(f"invocations/{name}"), statement("invocations/figures_of_run"))


def over_stretch(text: str, facts: str) -> str:
    """A statement over `invocations/runs` of a stretch of time, of each of which it needs `facts`."""
    return _over_runs(text, statement("invocations/rows_of_stretch"), facts)


def _over_runs(text: str, rows: str, facts: str) -> str:
    """A statement over runs, put together: their rows are those of `invocations` that meet a condition."""
    return text.replace("$facts", facts).replace("$rows", rows)


@dataclass(frozen=True)
class Stretch:
    """Runs that begin in [start_ns, end_ns]; of one function (all rows that do not name any may be its), or of all."""

    start_ns: int
    end_ns: int
    function: str = ""

    def parameters(self) -> dict[str, Any]:
        """For `in_stretch`. What is told at a run's end, without its start, may come as late as a run may last."""
        return {
            "start_ns": self.start_ns,
            "end_ns": self.end_ns,
            "function": self.function,
            "rows_from_s": _seconds(self.start_ns - _EARLIER_NS),
            "rows_to_s": _seconds(self.end_ns + _LATER_NS),
        }


_EARLIER_NS = 60 * 10**9
_LATER_NS = 20 * 60 * 10**9
"""A run lasts at most 15 minutes (AWS Lambda Developer Guide, "Lambda quotas")."""


def _seconds(time_ns: int) -> int:
    """As ClickHouse's DateTime has them, up to the year 2106."""
    return min(max(time_ns // 10**9, 0), 2**32 - 1)


def read_runs(store: Reader, request_ids: Collection[str]) -> tuple[Run, ...]:
    """All runs of some request ids, by request id and attempt. Raises what `Reader.select` raises."""
    if not request_ids:
        return ()
    text, facts = (statement(f"invocations/{name}") for name in ("runs_of_requests", "facts_of_run"))
    rows = store.select(_over_runs(text, _OF_REQUESTS, facts), {"request_ids": sorted(request_ids)})
    runs = [run_from_row(row) for row in rows]
    sandboxes = _sandboxes(store, runs)
    return tuple(in_its_sandbox(run, sandboxes) for run in runs)


def _sandboxes(store: Reader, runs: Sequence[Run]) -> Mapping[str, Sandbox]:
    """By instance: what is known of the sandboxes in which these runs were."""
    asked = {
        "functions": sorted({run.function for run in runs} | {""}),
        "instances": sorted({run.instance for run in runs if run.instance}),
    }
    if not asked["instances"]:
        return {}
    rows = store.select(statement("invocations/sandboxes"), asked)
    return {row["instance"]: sandbox_from_row(row) for row in rows}
