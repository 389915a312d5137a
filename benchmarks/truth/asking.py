"""Which ids are asked for, and whether each leads to the very requests that it is part of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from benchmarks.truth.answers import Answer, Api
from benchmarks.truth.expected import Expected
from benchmarks.truth.scoring import Verdict, judge, matching
from benchmarks.truth.wire import Flavour
from benchmarks.truth.world import World

_MEMBERS = 2
"""Random ids that are asked of each request, beside its root's."""


class Entry(StrEnum):
    """What kind of id was asked for."""

    TRACE = "trace id of the root"
    REQUEST = "request id of an invocation"
    SPAN = "trace and span id of any span"
    MESSAGE = "id of a message"


@dataclass(frozen=True)
class Judged:
    """A request, the answer about it when asked by its root, and what is wrong with that; `error` says why there is none."""

    world: World
    expected: Expected
    answer: Answer | None
    verdict: Verdict
    error: str = ""


@dataclass(frozen=True)
class Entered:
    """An id that was asked for: `lacks` requests that it is part of, and `exceeds` by others."""

    world: World
    entry: Entry
    identifier: str
    lacks: int
    exceeds: int
    labels: frozenset[str]


def judged(api: Api, world: World) -> Iterator[Judged]:
    """Every request, asked by the trace id of its root; by another invocation's request id, where nothing else came of that."""
    for expected in world.expected:
        try:
            answers = _around(api, world, expected)
        except LookupError as error:
            yield Judged(world, expected, None, judge(world, expected, None), str(error))
            continue
        answer = matching(answers, world, expected)
        yield Judged(world, expected, answer, judge(world, expected, answer))


def _around(api: Api, world: World, expected: Expected) -> list[Answer]:
    runs = [world.graph.runs[run] for run in sorted(expected.required.runs or expected.allowed.runs)]
    starts = [world.graph.runs[run] for run in expected.request.starts]
    sent = {span.ref.trace_id for span in (*world.wire.first, *world.wire.later)}
    traces = [run.span.trace_id for run in (*starts, *runs) if run.span.trace_id in sent]
    return api.transactions(traces[0]) if traces else []


def entered(api: Api, world: World, dice: Random) -> Iterator[Entered]:
    """Random ids of each request that nothing of which was lost."""
    for expected in world.expected:
        if expected.required != expected.allowed:
            continue
        for _ in range(_MEMBERS):
            entry, identifier, run, key = _choose(world, expected, dice)
            owners = {
                each.request.number: each
                for each in world.expected
                if (key in each.allowed.messages if key else run in each.allowed.runs)
            }
            labels = frozenset(label for each in owners.values() for label in each.labels)
            try:
                answers = api.transactions(identifier)
            except LookupError:
                answers = []
            roots = {root: number for number, each in owners.items() for root in each.roots}
            found = {roots[answer.root] for answer in answers if answer.root in roots}
            strange = sum(answer.root not in roots for answer in answers)
            yield Entered(world, entry, identifier, len(set(owners) - found), strange, labels)


def _choose(world: World, expected: Expected, dice: Random) -> tuple[Entry, str, int, str]:
    """An entry, its id, and whose it is: a run's, or a message's."""
    run = world.graph.runs[dice.choice(sorted(expected.required.runs))]
    keys = sorted(expected.required.messages)
    entries: Mapping[Entry, str] = {
        Entry.TRACE: run.span.trace_id if run.number in expected.request.starts else "",
        Entry.REQUEST: run.request_id,
        Entry.SPAN: f"{run.span.trace_id}:{run.span.span_id}",
        Entry.MESSAGE: dice.choice(keys) if keys and world.recipe.flavour is Flavour.LAYER else "",
    }
    entry = dice.choice([entry for entry, identifier in entries.items() if identifier])
    return entry, entries[entry], run.number, entries[entry] if entry is Entry.MESSAGE else ""
