"""An answer held against the truth: what it lacks, and what it says that is not true."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.truth.answers import Answer, AnsweredHop
from benchmarks.truth.expected import Expected
from benchmarks.truth.graph import Hop
from benchmarks.truth.world import World

EXACT, COMPOSITE = "exact", "composite"

Pair = tuple[str, int]
"""A hop as it is compared: who sent (`World.place`), and the number of the run that took."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with an answer about one request: nothing, where all but `found`, `found_hops` and `warnings` is empty.

    `found`, `missing` and `false` name invocations by request id, `found_hops` and `missing_hops` true hops by number; the rest is
    in words.
    """

    found: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    false: frozenset[str] = frozenset()
    found_hops: frozenset[int] = frozenset()
    missing_hops: frozenset[int] = frozenset()
    false_hops: tuple[str, ...] = ()
    wrong_attempts: tuple[str, ...] = ()
    wrong_fates: tuple[str, ...] = ()
    wrong_evidence: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether all invocations and hops are there, and no others."""
        return not (self.missing or self.missing_hops or self.false_joins)

    @property
    def is_right(self) -> bool:
        """Whether nothing else is wrong, either."""
        return self.is_exact and not (self.wrong_attempts or self.wrong_fates or self.wrong_evidence)

    @property
    def false_joins(self) -> int:
        """Invocations and hops that do not belong to the request."""
        return len(self.false) + len(self.false_hops)


def matching(answers: Sequence[Answer], world: World, expected: Expected) -> Answer | None:
    """The answer that is about this request: by its root; where that was lost, the one that shares most with it."""
    theirs = {world.graph.runs[run].request_id for run in expected.caused.runs}

    def likeness(answer: Answer) -> tuple[bool, int]:
        return answer.root in expected.roots, len({name for name, _ in answer.invocations} & theirs)

    return max(answers, key=likeness, default=None)


def judge(world: World, expected: Expected, answer: Answer | None) -> Verdict:
    """Hops are compared by the span that sent and the invocation that took, whichever of its spans the answer names."""
    if answer is None:
        is_there = any(root.span_id not in world.wire.lost for root in expected.roots)
        missing = {*_attempts(world, expected.required.runs), *(["any answer"] if is_there else [])}
        return Verdict(missing=frozenset(missing), missing_hops=expected.required.hops)
    answered: dict[str, set[int]] = defaultdict(set)
    for request_id, attempt in answer.invocations:
        answered[request_id].add(attempt)
    required, allowed = (
        _attempts(world, expected.required.runs),
        _attempts(world, expected.allowed.runs),
    )
    pairs = _pairs(world, answer.known_hops)
    true = _true_pairs(world, expected.allowed.hops)
    found_hops = frozenset(hop.number for pair in pairs for hop in true.get(pair, ()))
    return Verdict(
        found=frozenset(answered) & frozenset(allowed),
        missing=frozenset(name for name in required if len(answered[name]) < len(required[name])),
        false=frozenset(name for name, attempts in answered.items() if attempts and name not in allowed),
        found_hops=found_hops,
        missing_hops=expected.required.hops - found_hops,
        false_hops=tuple(_false_hops(world, expected, pairs, true)),
        wrong_attempts=(
            *_wrong_runs(answered, required, allowed),
            *_wrong_deliveries(pairs, true),
        ),
        wrong_fates=tuple(_wrong_fates(world, expected, answer)),
        wrong_evidence=tuple(_wrong_evidence(pairs, true)),
        warnings=answer.warnings,
    )


def _attempts(world: World, runs: Iterable[int]) -> Mapping[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for run in map(world.graph.runs.__getitem__, runs):
        if run.request_id:
            found[run.request_id].add(run.attempt)
    return found


def _wrong_runs(
    answered: Mapping[str, set[int]], required: Mapping[str, set[int]], allowed: Mapping[str, set[int]]
) -> Iterator[str]:
    for name, attempts in required.items():
        is_whole = allowed[name] == attempts
        if is_whole and len(answered[name]) == len(attempts) and answered[name] != attempts:
            yield f"{name} has attempts {sorted(answered[name])}, truly {sorted(attempts)}"


def _pairs(world: World, hops: Sequence[AnsweredHop]) -> Mapping[Pair, list[AnsweredHop]]:
    """By pair; run -1 for a consumer that is no span of this world."""
    found: dict[Pair, list[AnsweredHop]] = defaultdict(list)
    for hop in hops:
        taker = world.spans.get(hop.consumer.span_id)
        found[world.place(hop.producer.span_id), taker.run if taker else -1].append(hop)
    return found


def _true_pairs(world: World, hops: Iterable[int]) -> Mapping[Pair, list[Hop]]:
    found: dict[Pair, list[Hop]] = defaultdict(list)
    for hop in map(world.graph.hops.__getitem__, hops):
        found[world.place(hop.producer.span_id), hop.target].append(hop)
    return found


def _false_hops(
    world: World,
    expected: Expected,
    pairs: Mapping[Pair, Sequence[AnsweredHop]],
    true: Mapping[Pair, Sequence[Hop]],
) -> Iterator[str]:
    """What begins a request together may be shown as a hop: nobody here has seen their cause."""
    for (place, taker), hops in pairs.items():
        sender, hop = world.spans.get(hops[0].producer.span_id), hops[0]
        if (place, taker) in true or (sender and sender.run == taker):
            continue
        if sender is None or not {sender.run, taker} <= set(expected.request.starts):
            yield f"{hop.producer.span_id} -> {hop.consumer.span_id} by {hop.rule} ({hop.key})"


def _wrong_deliveries(
    pairs: Mapping[Pair, Sequence[AnsweredHop]], true: Mapping[Pair, Sequence[Hop]]
) -> Iterator[str]:
    """Where one message makes a hop; of several their order is nobody's to say."""
    for pair, hops in pairs.items():
        answered = {hop.attempt for hop in hops} - {None}
        [*known] = {hop.attempt for hop in true.get(pair, ())}
        if answered and len(true.get(pair, ())) == 1 and known != [None] and answered != set(known):
            yield f"{pair[0]} -> run {pair[1]} has attempt {sorted(map(str, answered))}, truly {known[0]}"


def _wrong_evidence(
    pairs: Mapping[Pair, Sequence[AnsweredHop]], true: Mapping[Pair, Sequence[Hop]]
) -> Iterator[str]:
    """Evidence that is better or worse than it can be, and keys that are not the record's."""
    for pair, hops in pairs.items():
        theirs = true.get(pair, ())
        keys = frozenset(key for hop in theirs for key in hop.keys)
        evidence = {EXACT if hop.is_exact else COMPOSITE for hop in theirs}
        for hop in hops if theirs else ():
            if hop.evidence not in evidence:
                yield f"{pair[0]} -> run {pair[1]} is called {hop.evidence}, truly {sorted(evidence)}"
            if hop.key is not None and hop.key not in keys:
                yield f"{pair[0]} -> run {pair[1]} is joined by {hop.key}, truly {sorted(keys)}"


def _wrong_fates(world: World, expected: Expected, answer: Answer) -> Iterator[str]:
    for key in sorted(expected.required.messages):
        fates = world.messages[key].fates
        if answer.messages.get(key) not in fates:
            yield f"{key} was {answer.messages.get(key, 'not mentioned')}, truly {' or '.join(sorted(fates))}"
