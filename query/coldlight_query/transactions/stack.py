"""The virtual stack trace: the path of calls over all functions to the span in which the first error began, top first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from coldlight_query.stacktraces import frames_of
from coldlight_query.statements import statement
from coldlight_query.transactions.answers import error_answer
from coldlight_query.transactions.path import first_causes
from coldlight_query.transactions.picture import Picture
from coldlight_query.transactions.spans import Ref, Span
from coldlight_storage import Reader, Row

_MOST_LINES = 20
_MOST_SPANS = 500
"""Of one run, whose log lines are looked for."""


@dataclass(frozen=True)
class Details:
    """What the store has of some spans beside what stitching needs, by trace and span id."""

    spans: dict[Ref, Row] = field(default_factory=dict)
    lines: dict[tuple[str, str], list[Row]] = field(default_factory=dict)


def runs_to_error(picture: Picture) -> list[list[Span]]:
    """The spans on the way from the error to the root, by run, the innermost first."""
    first = picture.failure.first
    causes = first_causes(picture.known, picture.transaction, picture.offsets)
    way: list[Span] = []
    seen: set[Ref] = set()
    ref = first.ref if first else None
    while ref is not None and ref not in seen:
        seen.add(ref)
        way.append(picture.members[ref])
        ref = causes.get(ref)
    return [list(run) for _, run in groupby(way, key=lambda span: picture.run_of(span.ref))]


def read_details(store: Reader, picture: Picture) -> Details:
    """Payloads, exceptions and log lines of the runs on the way to the error. Raises what `Reader.select` raises."""
    runs = runs_to_error(picture)
    if not runs:
        return Details()
    on_the_way = [span.ref for run in runs for span in run]
    rows = store.select(statement("transactions/details"), _asked(on_the_way))
    around = [ref for run in runs for ref in _run_members(picture, run)]
    of_each = {"of_each": _MOST_LINES}
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in store.select(statement("transactions/lines"), _asked(around) | of_each):
        lines.setdefault((row["trace_id"], row["span_id"]), []).append(row)
    return Details({Ref(row["trace_id"], row["span_id"], row["kind"]): row for row in rows}, lines)


def _asked(refs: Sequence[Ref]) -> dict[str, Any]:
    return {
        "trace_ids": sorted({ref.trace_id for ref in refs}),
        "span_ids": sorted({ref.span_id for ref in refs}),
    }


def _run_members(picture: Picture, run: Sequence[Span]) -> list[Ref]:
    begin = picture.run_of(run[0].ref)
    tree = picture.known.trees[begin.trace_id]
    below = [span.ref for span in tree.below(begin)] if tree else []
    return [ref for ref in below if ref in picture.members][:_MOST_SPANS]


def stack_answer(picture: Picture, details: Details) -> dict[str, Any]:
    """`models.Stack`."""
    first = picture.failure.first
    return {
        "transaction_id": picture.transaction_id,
        "error": first and error_answer(first, picture.offsets),
        "frames": list(_frames(picture, details)),
    }


def _frames(picture: Picture, details: Details) -> Iterator[dict[str, Any]]:
    rules = {hop.consumer: hop.rule for hop in picture.hops}
    for run in runs_to_error(picture):
        inner, begin = run[0], run[-1]
        rows = [details.spans[span.ref] for span in run if span.ref in details.spans]
        yield {
            "function": inner.who,
            "version": inner.version or None,
            "request_id": next((span.request_id for span in run if span.request_id), None),
            "trace_id": inner.ref.trace_id,
            "span_id": inner.ref.span_id,
            "name": inner.name,
            "spans": [span.name for span in run],
            "status": inner.status,
            "start_time_unix_nano": inner.start_ns + picture.offsets.get(inner.ref, 0),
            "called_by": rules.get(begin.ref),
            "exception": next((_exception(row["exception"]) for row in rows if row["exception"]), None),
            "payload": next((row["payload"] for row in rows if row["payload"]), None),
            "logs": _lines(picture, run, details),
        }


def _exception(said: dict[str, str]) -> dict[str, Any]:
    stacktrace = said.get("exception.stacktrace", "")
    return {
        "type": said.get("exception.type") or None,
        "message": said.get("exception.message") or None,
        "frames": [
            {
                "function": frame.function,
                "file": frame.file,
                "line": frame.line,
                "code": frame.code or None,
                "in_app": frame.is_in_app,
            }
            for frame in frames_of(stacktrace)
        ],
        "stacktrace": stacktrace or None,
    }


def _lines(picture: Picture, run: Sequence[Span], details: Details) -> list[dict[str, Any]]:
    """What the run logged last; the process whose clock is moved moves its lines, too."""
    offset_ns = picture.offsets.get(run[0].ref, 0)
    rows = [row for ref in _run_members(picture, run) for row in details.lines.get(ref[:2], ())]
    last = sorted(rows, key=lambda row: (row["time_ns"], row["body"]))[-_MOST_LINES:]
    return [
        {
            "time_unix_nano": row["time_ns"] + offset_ns,
            "span_id": row["span_id"],
            "severity": row["severity"],
            "body": row["body"],
        }
        for row in last
    ]
