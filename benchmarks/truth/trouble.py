"""What happens to spans on their way: some are lost, late, sent twice, or told by a clock that is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from benchmarks.truth.cloud import MS
from benchmarks.truth.graph import Followed
from benchmarks.truth.recording import MadeSpan, Role

SENDER, RUN, ROOT, RECORD, WHOLE = (
    "span of a sender lost",
    "span of an invocation lost",
    "span of the root lost",
    "span of a record lost",
    "invocation never reported",
)
SKEW, LATE, AGAIN = "clock skew", "late spans", "spans sent twice"
LOSSES = (SENDER, RUN, ROOT, RECORD, WHOLE)
HARMLESS = (SKEW, LATE, AGAIN)
SHARE = 0.45
"""Of the requests that something happens to."""
_MOST_SKEW_MS = 1500


@dataclass(frozen=True)
class Wire:
    """Spans as they arrive: `first`, then those that come `later`. `touched` are the runs that each kind of trouble has met."""

    first: Sequence[MadeSpan]
    later: Sequence[MadeSpan]
    lost: frozenset[str]
    touched: Mapping[str, frozenset[int]]


def untroubled(spans: Sequence[MadeSpan]) -> Wire:
    return Wire(spans, (), frozenset(), {})


def trouble(
    spans: Sequence[MadeSpan], requests: Sequence[Followed], instances: Mapping[int, str], dice: Random
) -> Wire:
    """Meets some of the requests, of which `requests` has what each caused; each with one kind of trouble.

    A clock is a sandbox's: `instances` has the one of each run.
    """
    by_run: dict[int, list[MadeSpan]] = {}
    for span in spans:
        by_run.setdefault(span.run, []).append(span)
    met: dict[str, list[MadeSpan]] = {kind: [] for kind in (*LOSSES, *HARMLESS)}
    for followed in requests:
        if dice.random() < SHARE:
            kind = dice.choice(list(met))
            met[kind] += _victims(kind, sorted(followed.runs), by_run, dice)
    lost = {span.ref.span_id for kind in LOSSES for span in met[kind]}
    late = {span.ref.span_id for span in met[LATE]}
    met[SKEW] = [span for span in spans if instances[span.run] in {instances[one.run] for one in met[SKEW]}]
    clocks = {instances[span.run]: dice.randrange(-_MOST_SKEW_MS, _MOST_SKEW_MS) * MS for span in met[SKEW]}
    left = [
        _skewed(span, clocks.get(instances[span.run], 0)) for span in spans if span.ref.span_id not in lost
    ]
    again = [span for span in left if span.ref.span_id in {one.ref.span_id for one in met[AGAIN]}]
    first = [span for span in left if span.ref.span_id not in late] + again
    later = [span for span in left if span.ref.span_id in late]
    dice.shuffle(first)
    dice.shuffle(later)
    touched = {kind: frozenset(span.run for span in victims) for kind, victims in met.items() if victims}
    return Wire(first, later, frozenset(lost), touched)


def _victims(
    kind: str, runs: Sequence[int], by_run: Mapping[int, list[MadeSpan]], dice: Random
) -> list[MadeSpan]:
    root, others = runs[0], runs[1:]
    if kind == ROOT:
        return _of(Role.RUN, by_run[root])
    if not others:
        return []
    run = dice.choice(others)
    match kind:
        case "span of a sender lost":
            return _one(_of(Role.CALL, [span for other in runs for span in by_run[other]]), dice)
        case "span of a record lost":
            return _one(_of(Role.RECORD, [span for other in runs for span in by_run[other]]), dice)
        case "span of an invocation lost":
            return _of(Role.RUN, by_run[run])
        case _:
            return by_run[run]


def _of(role: Role, spans: Sequence[MadeSpan]) -> list[MadeSpan]:
    return [span for span in spans if span.role is role]


def _one(spans: list[MadeSpan], dice: Random) -> list[MadeSpan]:
    return [dice.choice(spans)] if spans else []


def _skewed(span: MadeSpan, by_ns: int) -> MadeSpan:
    return replace(span, start_ns=span.start_ns + by_ns, end_ns=span.end_ns + by_ns) if by_ns else span
