"""The list of issues, and one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coldlight_query.issues.standing import Standing, standing_of
from coldlight_query.problems import ProblemError
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row
from coldlight_storage.state.issues import Judged

_NS_PER_S = 10**9
_MOST_ISSUES = 10_000
_ALL_TIME_S = (0, 2**32 - 1)


@dataclass(frozen=True)
class IssueSearch:
    """Issues seen in [start_ns, end_ns), by whole hours; of one `function` and `standing`, where they are given."""

    start_ns: int
    end_ns: int
    function: str | None
    standing: Standing | None
    limit: int


def read_issues(
    store: Reader, search: IssueSearch, verdicts: Mapping[str, Judged], now_ns: int
) -> dict[str, Any]:
    """`models.Issues`. Raises what `Reader.select` raises."""
    condition = "1" if search.function is None else "Function = {function:String}"
    range_s = {
        "start_s": search.start_ns // _NS_PER_S // 3600 * 3600,
        "end_s": -(-search.end_ns // _NS_PER_S),
    }
    rows = store.select(
        statement("issues/issues").replace("$condition", condition),
        {**range_s, "function": search.function, "limit": _MOST_ISSUES},
    )
    issues = [_issue(row, verdicts, now_ns) for row in rows]
    wanted = [issue for issue in issues if search.standing in (None, issue["state"])]
    return {"issues": wanted[: search.limit], "total": len(wanted)}


def read_issue(
    store: Reader, fingerprint: str, verdicts: Mapping[str, Judged], now_ns: int
) -> dict[str, Any]:
    """`models.Issue`. Raises `ProblemError` (404) for one that was never seen."""
    start_s, end_s = _ALL_TIME_S
    rows = store.select(
        statement("issues/issues").replace("$condition", "Fingerprint = {fingerprint:String}"),
        {"start_s": start_s, "end_s": end_s, "fingerprint": fingerprint, "limit": 1},
    )
    if not rows:
        raise ProblemError(
            404, "Unknown issue", f"no error of issue {fingerprint} has been received (or is kept)"
        )
    hours = store.select(statement("issues/hours"), {"fingerprint": fingerprint})
    samples = store.select(statement("issues/samples"), {"fingerprint": fingerprint})
    return {
        **_issue(rows[0], verdicts, now_ns),
        "hours": [
            {"start_time_unix_nano": hour["start_ns"], "occurrences": hour["occurrences"]} for hour in hours
        ],
        "samples": [
            {
                "trace_id": sample["trace_id"],
                "span_id": sample["span_id"],
                "time_unix_nano": sample["time_ns"],
                "message": sample["message"],
                "version": sample["version"] or None,
            }
            for sample in samples
        ],
    }


def _issue(row: Row, verdicts: Mapping[str, Judged], now_ns: int) -> dict[str, Any]:
    judged = verdicts.get(row["fingerprint"])
    _, trace_id, span_id, message, _ = row["last"]
    return {
        "id": row["fingerprint"],
        "function": row["function"],
        "type": row["type"],
        "message": message,
        "frame": row["frame"] or None,
        "state": standing_of(judged, row["last_seen_ns"], now_ns),
        "muted_until_unix_nano": judged.until_ns if judged else None,
        "first_seen_unix_nano": row["first_seen_ns"],
        "last_seen_unix_nano": row["last_seen_ns"],
        "occurrences": row["occurrences"],
        "occurrences_in_range": row["occurrences_in_range"],
        "versions": [version for version in row["versions"] if version],
        "last": {"trace_id": trace_id, "span_id": span_id},
    }
