"""The scores, as tables and as figures: by kind of trouble, by service, by the id that was asked for."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.report import Report
from benchmarks.truth.asking import Entered, Entry, Judged
from benchmarks.truth.expected import COMPOSITE, CONTENDED, SILENT, UNTOLD
from benchmarks.truth.services import RESULT, RESULT_IN_QUEUE, SERVICES
from benchmarks.truth.trial import Findings
from benchmarks.truth.trouble import HARMLESS, LOSSES
from benchmarks.truth.wire import Flavour

CLEAN = "exact keys, nothing lost"
SEVERAL = "several of these"


@dataclass(frozen=True)
class Score:
    """Requests of one kind, and what was wrong with the answers about them. `recall` is of the invocations that arrived."""

    kind: str
    requests: int
    exact: int
    right: int
    false_joins: int
    missing_invocations: int
    missing_hops: int
    wrong_attempts: int
    wrong_fates: int
    wrong_evidence: int
    recall: float
    warned: int


def scores(findings: Findings, flavour: Flavour) -> list[Score]:
    """Each request counts once: as `CLEAN`, under the kind of trouble that it has met, or as one that has met several.

    What should make no difference is scored once more by itself.
    """
    mine = [each for each in findings.judged if each.world.recipe.flavour is flavour]
    by_kind: dict[str, list[Judged]] = {CLEAN: []}
    for each in mine:
        by_kind.setdefault(_kind(each.expected.labels), []).append(each)
    harmless = {kind: [each for each in by_kind[CLEAN] if kind in each.expected.labels] for kind in HARMLESS}
    kinds = (UNTOLD, COMPOSITE, CONTENDED, SILENT, *LOSSES, SEVERAL)
    found = [_score(CLEAN, by_kind[CLEAN])]
    found += [_score(f"  of these, {kind}", judged) for kind, judged in harmless.items()]
    found += [_score(kind, by_kind.get(kind, [])) for kind in kinds]
    return [score for score in found if score.requests]


def _kind(labels: frozenset[str]) -> str:
    """The one kind of trouble that matters."""
    met = labels - set(HARMLESS)
    if CONTENDED in met:
        met -= {COMPOSITE}
    return CLEAN if not met else SEVERAL if len(met) > 1 else min(met)


def _score(kind: str, judged: Sequence[Judged]) -> Score:
    verdicts = [each.verdict for each in judged]

    def total(count: Callable[[Judged], int]) -> int:
        return sum(map(count, judged))

    arrived = total(_arrived)
    return Score(
        kind,
        requests=len(judged),
        exact=sum(verdict.is_exact for verdict in verdicts),
        right=sum(verdict.is_right for verdict in verdicts),
        false_joins=sum(verdict.false_joins for verdict in verdicts),
        missing_invocations=sum(len(verdict.missing) for verdict in verdicts),
        missing_hops=sum(len(verdict.missing_hops) for verdict in verdicts),
        wrong_attempts=sum(len(verdict.wrong_attempts) for verdict in verdicts),
        wrong_fates=sum(len(verdict.wrong_fates) for verdict in verdicts),
        wrong_evidence=sum(len(verdict.wrong_evidence) for verdict in verdicts),
        recall=sum(len(verdict.found) for verdict in verdicts) / arrived if arrived else 1.0,
        warned=sum(bool(verdict.warnings) for verdict in verdicts),
    )


def _arrived(judged: Judged) -> int:
    """Invocations of the request whose own span was not lost."""
    runs = (judged.world.graph.runs[run] for run in judged.expected.allowed.runs)
    lost = judged.world.wire.lost
    return len({run.request_id for run in runs if run.request_id and run.span.span_id not in lost})


def by_trouble(found: Sequence[Score], title: str) -> Report:
    columns = (
        "requests",
        "exact",
        "false joins",
        "lacks runs",
        "lacks hops",
        "attempts",
        "fates",
        "evidence",
    )
    return Report(title, ("", *columns, "recall", "warned"), [_row(score) for score in found])


def _row(score: Score) -> list[str]:
    counts = (
        score.false_joins,
        score.missing_invocations,
        score.missing_hops,
        score.wrong_attempts,
        score.wrong_fates,
        score.wrong_evidence,
    )
    shares = f"{score.recall:.1%}", f"{score.warned / score.requests:.0%}"
    return [
        score.kind,
        f"{score.requests:,}",
        _share(score.exact, score.requests),
        *map(str, counts),
        *shares,
    ]


def _share(part: int, whole: int) -> str:
    """Cut, not rounded: 100 % is all of them."""
    return f"{part * 1000 // whole / 10:.1f} %" if whole else ""


def by_service(findings: Findings, flavour: Flavour) -> Report:
    """Hops of requests that lost nothing."""
    rows = []
    for name in (*SERVICES, RESULT.name, RESULT_IN_QUEUE.name):
        hops = [
            (hop, each)
            for each in _unhurt(findings.judged, flavour)
            for hop in each.expected.required.hops
            if each.world.graph.hops[hop].service == name
        ]
        found = sum(hop in each.verdict.found_hops for hop, each in hops)
        if hops:
            rows.append([name, f"{len(hops):,}", _share(found, len(hops)), str(len(hops) - found)])
    return Report(f"By service, {flavour}", ("", "hops", "found", "missing"), rows)


def _unhurt(judged: Iterable[Judged], flavour: Flavour) -> list[Judged]:
    return [
        each
        for each in judged
        if each.world.recipe.flavour is flavour and not each.expected.labels & set(LOSSES)
    ]


def by_entry(entered: Sequence[Entered]) -> Report:
    """Whether an id leads to the requests that it is part of, and to no others."""
    rows = []
    for entry in Entry:
        mine = [each for each in entered if each.entry is entry and COMPOSITE not in each.labels]
        right = sum(not each.lacks and not each.exceeds for each in mine)
        lacks, exceeds = sum(each.lacks for each in mine), sum(each.exceeds for each in mine)
        rows.append([entry.value, f"{len(mine):,}", _share(right, len(mine)), str(lacks), str(exceeds)])
    columns = ("", "asked", "right", "requests missing", "requests too many")
    return Report("By the id that was asked for", columns, rows)
