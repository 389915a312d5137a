import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from tests.instrumentation.samples import FIRST, NAMES, sample, trigger

from coldlight_lambda.otlp import span as encoded
from coldlight_lambda.spans import SERVER, Context, Span
from coldlight_lambda.triggers import answered, detect, trigger_of

TRIGGERS = {"datasource", "http", "pubsub", "timer", "other"}
DEEP: Any = {}
for _ in range(900):
    DEEP = {"detail": [DEEP]}

odd = some.one_of(
    some.none(),
    some.booleans(),
    some.integers(),
    some.floats(),
    some.text(max_size=20),
    some.sampled_from(
        ["", "x" * 5000, "\ud800", "arn:::::::", ":", "/", [], {}, [[]], [None], {"": None}, DEEP, 10**400]
    ),
    some.recursive(
        some.none() | some.text(max_size=5),
        lambda inner: (
            some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=5,
    ),
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in an event: its own place, and all within it."""
    found = [at] if at else []
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:40]) if isinstance(value, list) else ()
    )
    for key, item in inner:
        found += places(item, (*at, key))
    return found


SAMPLES = {name: sample(name) for name in NAMES}
PLACES = {name: places(event) for name, event in SAMPLES.items()}


@some.composite
def mutated(draw: some.DrawFn) -> Any:
    """A sample of which something has become something else, or is gone."""
    name = draw(some.sampled_from(NAMES))
    event = copy.deepcopy(SAMPLES[name])
    for _ in range(draw(some.integers(1, 3))):
        *above, last = draw(some.sampled_from(PLACES[name]))
        holder = event
        for key in above:
            fits = isinstance(holder, dict) and key in holder
            fits = fits or (isinstance(holder, list) and isinstance(key, int) and key < len(holder))
            holder = holder[key] if fits else None
        if isinstance(holder, dict) and draw(some.booleans()):
            holder.pop(last, None)
        elif isinstance(holder, dict) or (
            isinstance(holder, list) and isinstance(last, int) and last < len(holder)
        ):
            holder[last] = draw(odd)
    return event


def understood(event: Any) -> None:
    """No part of it raises, not even where `detect` would contain it, and what is found can be sent."""
    found = trigger_of(event, None)
    assert found.attributes["faas.trigger"] in TRIGGERS
    assert all(isinstance(key, str) for key in found.consumed)
    span = Span(Context(*FIRST), b"", "function", SERVER, 1, found.attributes)
    for link in found.links:
        span.add_link(link)
    span.set({"coldlight.link.consumed": found.consumed})
    answered(span, event)
    encoded(span)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
def test_a_sample_with_anything_anywhere_is_borne(event: Any) -> None:
    understood(event)


@given(odd)
def test_an_event_of_any_shape_is_borne(event: Any) -> None:
    understood(event)


@pytest.mark.parametrize(
    "event",
    [None, 7, "text", [], [None], {}, {"Records": [None]}, {"Records": {}}, {"Records": [{}]}, object()],
)
def test_what_is_not_understood_is_other(event: Any) -> None:
    found = detect(event, None)
    assert found.attributes == {"faas.trigger": "other"}
    assert (found.parent, found.links, found.consumed) == (None, [], [])


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("invoke")])
def test_the_same_keys_with_other_things_behind_them_are_other(name: str) -> None:
    event = SAMPLES[name]
    if isinstance(event, dict):
        assert detect(dict.fromkeys(event), None).attributes == {"faas.trigger": "other"}


def test_what_raises_all_the_same_is_contained(capsys: pytest.CaptureFixture[str]) -> None:
    class Hostile(dict[str, Any]):
        def get(self, *arguments: Any) -> Any:
            raise RuntimeError("hostile")

    assert detect(Hostile(a=1), None).attributes == {"faas.trigger": "other"}
    assert "hostile" in capsys.readouterr().err


def test_every_sample_is_of_a_known_trigger() -> None:
    told = {
        name: trigger(name).attributes.get("coldlight.trigger")
        for name in NAMES
        if not name.startswith("invoke")
    }
    assert None not in told.values()
