"""Scores: an answer that tells the truth is right, and each mistake in it is counted for what it is."""

from collections.abc import Callable
from dataclasses import replace
from io import StringIO

import pytest
from benchmarks.truth.answers import HEURISTIC, Answer, AnsweredHop, answer
from benchmarks.truth.asking import Judged
from benchmarks.truth.examples import show, smallest
from benchmarks.truth.expected import Expected
from benchmarks.truth.graph import SpanRef
from benchmarks.truth.scoring import COMPOSITE, EXACT, judge, matching
from benchmarks.truth.tables import CLEAN, scores
from benchmarks.truth.trial import Findings
from benchmarks.truth.wire import Flavour
from benchmarks.truth.world import Recipe, World, world
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

STRANGER = AnsweredHop(SpanRef("0" * 32, "1" * 16), SpanRef("0" * 32, "2" * 16), EXACT, "sqs", "sqs:1", 1)


def truth(made: World, expected: Expected) -> Answer:
    """The answer that a perfect query service gives."""
    runs = [made.graph.runs[run] for run in expected.required.runs]
    hops = [made.graph.hops[hop] for hop in sorted(expected.required.hops)]
    return Answer(
        "1:1",
        made.graph.runs[expected.request.starts[0]].span,
        frozenset((run.request_id, run.attempt) for run in runs if run.request_id),
        tuple(
            AnsweredHop(
                hop.producer,
                made.graph.runs[hop.target].span,
                EXACT if hop.is_exact else COMPOSITE,
                hop.service,
                min(hop.keys),
                hop.attempt or 1,
            )
            for hop in hops
        ),
        {key: min(made.messages[key].fates) for key in expected.required.messages},
        (),
    )


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(Flavour))
def test_the_truth_is_right(seed: int, flavour: Flavour) -> None:
    made = world(Recipe(seed, 6, flavour))
    for expected in made.expected:
        assert judge(made, expected, truth(made, expected)).is_right


@pytest.fixture(scope="module")
def made() -> World:
    return world(Recipe(seed=3, requests=8, has_trouble=False))


@pytest.fixture(scope="module")
def expected(made: World) -> Expected:
    """A request with several hops, an exact one and a message among them."""
    return max(made.expected, key=lambda each: (bool(each.required.messages), len(each.required.hops)))


def without_a_hop(true: Answer) -> Answer:
    first = true.hops[0]
    hops = [hop for hop in true.hops if (hop.producer, hop.consumer) != (first.producer, first.consumer)]
    return replace(true, hops=tuple(hops))


def with_a_strange_hop(true: Answer) -> Answer:
    return replace(true, hops=(*true.hops, STRANGER))


def without_an_invocation(true: Answer) -> Answer:
    return replace(true, invocations=true.invocations - {min(true.invocations)})


def with_a_strange_invocation(true: Answer) -> Answer:
    return replace(true, invocations=true.invocations | {("somebody else's", 1)})


def with_a_later_attempt(true: Answer) -> Answer:
    name, attempt = min(true.invocations)
    return replace(true, invocations=true.invocations - {(name, attempt)} | {(name, attempt + 7)})


def with_another_fate(true: Answer) -> Answer:
    return replace(true, messages={**true.messages, min(true.messages): "eaten"})


def without_a_message(true: Answer) -> Answer:
    return replace(true, messages=dict(list(true.messages.items())[1:]))


def with_better_evidence(true: Answer) -> Answer:
    worse = {EXACT: COMPOSITE, COMPOSITE: EXACT}
    return replace(true, hops=(replace(true.hops[0], evidence=worse[true.hops[0].evidence]), *true.hops[1:]))


def with_a_key_of_others(true: Answer) -> Answer:
    return replace(true, hops=(replace(true.hops[0], key="sqs:1"), *true.hops[1:]))


MISTAKES: dict[Callable[[Answer], Answer], str] = {
    without_a_hop: "missing_hops",
    with_a_strange_hop: "false_hops",
    without_an_invocation: "missing",
    with_a_strange_invocation: "false",
    with_a_later_attempt: "wrong_attempts",
    with_another_fate: "wrong_fates",
    without_a_message: "wrong_fates",
    with_better_evidence: "wrong_evidence",
    with_a_key_of_others: "wrong_evidence",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_counted_as_what_it_is(
    made: World, expected: Expected, mistake: Callable[[Answer], Answer]
) -> None:
    verdict = judge(made, expected, mistake(truth(made, expected)))
    assert {count for count in MISTAKES.values() if getattr(verdict, count)} == {MISTAKES[mistake]}
    assert not verdict.is_right


def test_what_is_only_possible_is_no_hop(made: World, expected: Expected) -> None:
    true = truth(made, expected)
    possible = replace(true, hops=(*true.hops, replace(STRANGER, evidence=HEURISTIC)))
    assert judge(made, expected, possible).is_right


def test_no_answer_lacks_everything(made: World, expected: Expected) -> None:
    verdict = judge(made, expected, None)
    assert verdict.missing_hops == expected.required.hops
    assert not verdict.is_exact


def test_of_several_answers_the_one_about_the_request_is_judged(made: World) -> None:
    answers = [truth(made, each) for each in made.expected]
    assert [matching(answers, made, each) for each in made.expected] == answers


def judged(made: World, mistake: Callable[[Answer], Answer]) -> list[Judged]:
    answers = [(each, mistake(truth(made, each))) for each in made.expected]
    return [Judged(made, each, given, judge(made, each, given)) for each, given in answers]


def test_scores_are_of_whole_requests(made: World) -> None:
    right = Findings(judged(made, lambda true: true), [], 0)
    wrong = Findings(judged(made, with_a_strange_invocation), [], 0)
    clean, *_ = scores(right, Flavour.LAYER)
    assert (clean.kind, clean.exact, clean.false_joins, clean.recall) == (CLEAN, clean.requests, 0, 1.0)
    clean, *_ = scores(wrong, Flavour.LAYER)
    assert (clean.exact, clean.false_joins) == (0, clean.requests)


def test_a_wrong_answer_is_shown_beside_the_truth_with_the_command_that_replays_it(made: World) -> None:
    shown = StringIO()
    [example, *_] = smallest(judged(made, with_a_strange_hop), 5)
    show(example, Console(file=shown, width=200))
    told = shown.getvalue()
    assert "no true hop: 1111111111111111 -> 2222222222222222 by sqs (sqs:1)" in told
    assert f"--seed 3 --worlds 1 --requests 8 --flavour {Flavour.LAYER} --no-trouble" in told


def test_an_answer_of_the_api_is_read() -> None:
    ends = {"producer": {"trace_id": "a", "span_id": "b"}, "consumer": {"trace_id": "c", "span_id": "d"}}
    found = {
        "transaction_id": "a:0",
        "root": {"trace_id": "a", "span_id": "0"},
        "invocations": [{"request_id": "r", "attempt": 2}],
        "hops": [{**ends, "evidence": "exact", "rule": "sqs", "key": "sqs:1", "attempt": 1}],
        "messages": [{"key": "sqs:1", "status": "received"}],
        "warnings": ["w"],
    }
    hop = AnsweredHop(SpanRef("a", "b"), SpanRef("c", "d"), "exact", "sqs", "sqs:1", 1)
    root = SpanRef("a", "0")
    assert answer(found) == Answer("a:0", root, frozenset({("r", 2)}), (hop,), {"sqs:1": "received"}, ("w",))
