"""Asks the store for runs."""

from collections.abc import Collection, Mapping, Sequence

from coldlight_query.invocations.run import Run, Sandbox, in_its_sandbox, run_from_row, sandbox_from_row
from coldlight_query.statements import statement
from coldlight_storage import Reader

_PARTS = ("told_apart", "facts_of_run", "started_before")


def composed(name: str, rows: str) -> str:
    """The statement `invocations/<name>`, over those rows of `invocations` that meet the condition `rows`."""
    text = statement(f"invocations/{name}")
    for part in _PARTS:
        text = text.replace(f"${part}", statement(f"invocations/{part}"))
    return text.replace("$rows", rows)


def read_runs(store: Reader, request_ids: Collection[str]) -> tuple[Run, ...]:
    """All runs of some request ids, by request id and attempt. Raises what `Reader.select` raises."""
    if not request_ids:
        return ()
    text = composed("runs_of_requests", "RequestId IN {request_ids:Array(String)}")
    runs = [run_from_row(row) for row in store.select(text, {"request_ids": sorted(request_ids)})]
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
