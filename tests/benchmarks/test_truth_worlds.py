"""The truth that answers are held against is itself true: worlds are the same for a seed, and nothing in them is impossible."""

from dataclasses import replace
from random import Random

import pytest
from benchmarks.truth.expected import UNTOLD
from benchmarks.truth.graph import DEAD_LETTERED, NEVER_SEEN, RECEIVED, RETRIED, Hop, Message, flaws
from benchmarks.truth.recording import CONSUMED, PRODUCED, MadeSpan
from benchmarks.truth.services import SERVICES
from benchmarks.truth.trouble import HARMLESS, LOSSES
from benchmarks.truth.wire import Flavour, requests
from benchmarks.truth.world import Recipe, World, world
from hypothesis import given, settings
from hypothesis import strategies as st

RECIPE = Recipe(seed=1, requests=8)
SEEDS = st.integers(0, 2**32)


def sent(made: World) -> list[tuple[int, bytes]]:
    return list(requests(made.wire.first, made.instances, 0, made.recipe.flavour, Random(1)))


def test_a_seed_makes_the_same_world_again() -> None:
    once, again = world(RECIPE), world(RECIPE)
    assert (once.graph, once.expected, sent(once)) == (again.graph, again.expected, sent(again))


def test_another_seed_makes_another_world() -> None:
    assert world(RECIPE).graph != world(replace(RECIPE, seed=2)).graph


@settings(max_examples=30)
@given(SEEDS, st.integers(1, 12))
def test_nothing_in_a_world_is_impossible(seed: int, count: int) -> None:
    made = world(Recipe(seed, count))
    assert list(flaws(made.graph)) == []
    assert len(made.expected) == count


@settings(max_examples=30)
@given(SEEDS)
def test_every_record_was_sent_by_a_span_and_taken_by_one(seed: int) -> None:
    made = world(Recipe(seed, 4))
    for hop in made.graph.hops:
        assert made.spans[hop.producer.span_id].run == hop.source
        assert made.spans[made.graph.runs[hop.target].span.span_id].run == hop.target


@settings(max_examples=30)
@given(SEEDS)
def test_a_record_can_be_joined_by_a_key_or_by_trace_context(seed: int) -> None:
    made = world(Recipe(seed, 4, has_trouble=False))
    for hop in made.graph.hops:
        sender = made.spans[hop.producer.span_id]
        taker = made.spans[made.graph.runs[hop.target].span.span_id]
        assert hop.is_carried or keys(sender, PRODUCED, hop, made) & keys(taker, CONSUMED, hop, made)


def keys(span: MadeSpan, attribute: str, hop: Hop, made: World) -> set[str]:
    """With the key that an invocation has without saying so."""
    said = span.attributes.get(attribute, [])
    assert isinstance(said, list)
    return {*said, f"lambda:{made.graph.runs[span.run].request_id}"} & hop.keys


@settings(max_examples=30)
@given(SEEDS)
def test_more_is_never_required_than_may_be_answered(seed: int) -> None:
    for expected in world(Recipe(seed, 6)).expected:
        assert expected.required.runs <= expected.allowed.runs
        assert expected.required.hops <= expected.allowed.hops
        assert expected.caused.runs <= expected.allowed.runs
        if not expected.labels & {UNTOLD, *LOSSES}:
            assert expected.required.runs == expected.allowed.runs == expected.caused.runs


def test_without_trouble_everything_arrives_once() -> None:
    made = world(replace(RECIPE, has_trouble=False))
    assert sorted(span.ref.span_id for span in made.wire.first) == sorted(made.spans)
    assert not made.wire.later
    assert not any(expected.labels & {*LOSSES, *HARMLESS} for expected in made.expected)


def test_of_a_plain_sender_no_link_key_is_sent() -> None:
    assert b"coldlight." not in b"".join(
        body for _, body in sent(world(replace(RECIPE, flavour=Flavour.PLAIN)))
    )
    assert b"coldlight.link.produced" in b"".join(body for _, body in sent(world(RECIPE)))


@pytest.fixture(scope="module")
def many() -> list[World]:
    return [world(Recipe(seed, 8)) for seed in range(30)]


def test_all_services_and_all_kinds_of_trouble_come_up(many: list[World]) -> None:
    labels = {label for made in many for expected in made.expected for label in expected.labels}
    assert labels >= {UNTOLD, *LOSSES, *HARMLESS}
    assert {hop.service for made in many for hop in made.graph.hops} >= set(SERVICES)


def test_requests_meet_in_batches(many: list[World]) -> None:
    owners = [
        sum(run.number in expected.allowed.runs for expected in made.expected)
        for made in many
        for run in made.graph.runs
    ]
    assert max(owners) > 2


def test_messages_have_every_fate(many: list[World]) -> None:
    messages: list[Message] = [message for made in many for message in made.graph.messages]
    assert {fate for message in messages for fate in message.fates} == {
        RECEIVED,
        RETRIED,
        DEAD_LETTERED,
        NEVER_SEEN,
    }
    assert all((NEVER_SEEN in message.fates) == (not message.takers) for message in messages)
