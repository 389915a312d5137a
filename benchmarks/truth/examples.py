"""A wrong answer shown to a developer: the request as it truly was, beside what was answered."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from benchmarks.truth.asking import Judged
from benchmarks.truth.graph import Hop
from benchmarks.truth.trouble import HARMLESS, LOSSES
from benchmarks.truth.world import World


def smallest(judged: Sequence[Judged], most: int) -> list[Judged]:
    """Of each kind of trouble the wrong answers about the smallest requests, those that should not be wrong at all first."""
    wrong = [each for each in judged if not each.verdict.is_right]
    wrong.sort(
        key=lambda each: (
            len(each.expected.labels & set(LOSSES)),
            len(each.expected.labels),
            len(each.expected.allowed.runs),
        )
    )
    found: list[Judged] = []
    kinds: set[tuple[str, ...]] = set()
    for each in wrong:
        kind = (*sorted(each.expected.labels - set(HARMLESS)), *_complaints(each))
        kind = ("no answer",) if each.error else kind
        if kind not in kinds:
            kinds.add(kind)
            found.append(each)
    return found[:most]


def _complaints(judged: Judged) -> Iterator[str]:
    """What kind of mistake it is: by the services of missing hops, and by the names of what else is wrong."""
    verdict, graph = judged.verdict, judged.world.graph
    yield from sorted({graph.hops[hop].service for hop in verdict.missing_hops})
    for name in ("missing", "false", "false_hops", "wrong_attempts", "wrong_fates", "wrong_evidence"):
        if getattr(verdict, name):
            yield name


def show(judged: Judged, console: Console) -> None:
    """The true graph as a tree, with what is missing in it, and a list of everything else that is wrong."""
    request, verdict = judged.expected.request, judged.verdict
    console.rule(
        f"request {request.number} ({request.kind}): {', '.join(sorted(judged.expected.labels)) or 'no trouble'}"
    )
    console.print(f"[dim]{judged.world.recipe.command}[/dim]", highlight=False)
    tree = Tree("truly:")
    for start in request.starts:
        _grow(tree.add(_named(judged, start)), judged, start, set())
    console.print(tree, highlight=False)
    if judged.error:
        console.print(f"[red]no answer:[/red] {escape(judged.error)}")
    for line in _mistakes(judged):
        console.print(f"  [red]{escape(line)}[/red]", highlight=False)
    if judged.answer is not None:
        console.print(
            f"answered: {judged.answer.transaction_id}, root {judged.answer.root.span_id}", highlight=False
        )
        for hop in judged.answer.hops:
            ends = f"{_end(judged.world, hop.producer.span_id)} -> {_end(judged.world, hop.consumer.span_id)}"
            console.print(
                escape(f"  {ends} by {hop.rule} ({hop.key}), {hop.evidence}, attempt {hop.attempt}"),
                highlight=False,
            )
        for warning in verdict.warnings:
            console.print(escape(f"  warning: {warning}"), highlight=False)


def _grow(tree: Tree, judged: Judged, run: int, seen: set[int]) -> None:
    if run in seen:
        return
    seen.add(run)
    graph = judged.world.graph
    for hop in graph.hops_from.get(run, ()):
        if hop.number in judged.expected.allowed.hops:
            _grow(tree.add(f"{_way(judged, hop)} {_named(judged, hop.target)}"), judged, hop.target, seen)


def _way(judged: Judged, hop: Hop) -> str:
    is_missing = hop.number in judged.verdict.missing_hops
    because = "" if hop.scope is None else f"record {hop.scope} "
    lost = ", sender lost" if hop.producer.span_id in judged.world.wire.lost else ""
    text = escape(f"{because}-{hop.service} by {hop.producer.span_id}{lost}->")
    return f"[red]{text} MISSING[/red]" if is_missing else text


def _named(judged: Judged, number: int) -> str:
    run = judged.world.graph.runs[number]
    told = " told" if run.tells else ""
    text = f"run {number} {run.function} {run.request_id[:8]}#{run.attempt} {run.span.span_id} ({run.records} records{told})"
    lost = " [yellow]lost[/yellow]" if run.span.span_id in judged.world.wire.lost else ""
    is_missing = run.request_id in judged.verdict.missing
    return f"[red]{escape(text)} MISSING[/red]{lost}" if is_missing else escape(text) + lost


def _mistakes(judged: Judged) -> Iterator[str]:
    verdict = judged.verdict
    yield from (f"not of this request: invocation {name}" for name in sorted(verdict.false))
    yield from (f"no true hop: {hop}" for hop in verdict.false_hops)
    yield from verdict.wrong_attempts
    yield from verdict.wrong_fates
    yield from verdict.wrong_evidence


def _end(world: World, span_id: str) -> str:
    made = world.spans.get(span_id)
    return f"run {made.run} {made.name} {span_id}" if made else f"unknown {span_id}"
