"""The critical path: at every moment of a trace, the one span whose own work it waits for."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.api import Api

from coldlight_query.critical_path import critical_path
from coldlight_storage.testing import Put, clock_ns, span, span_id, traces_request


def made(span_id: str, parent: str | None, start: int, end: int, kind: str = "internal") -> dict[str, Any]:
    """What the walk looks at of a `models.Span`."""
    return {
        "span_id": span_id,
        "parent_span_id": parent,
        "kind": kind,
        "start_time_unix_nano": start,
        "duration_ns": end - start,
    }


def path(*spans: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(span, from, to) of each step."""
    return [
        (step["span_id"], step["start_time_unix_nano"], step["start_time_unix_nano"] + step["duration_ns"])
        for step in critical_path(spans)
    ]


def test_a_lone_span_waits_for_itself() -> None:
    assert path(made("a", None, 0, 10)) == [("a", 0, 10)]


def test_a_span_waits_for_its_children_one_after_the_other() -> None:
    assert path(made("a", None, 0, 10), made("b", "a", 1, 4), made("c", "a", 5, 9)) == [
        ("a", 0, 1),
        ("b", 1, 4),
        ("a", 4, 5),
        ("c", 5, 9),
        ("a", 9, 10),
    ]


def test_of_children_side_by_side_the_last_to_end_counts() -> None:
    assert path(made("a", None, 0, 10), made("quick", "a", 1, 4), made("slow", "a", 1, 9)) == [
        ("a", 0, 1),
        ("slow", 1, 9),
        ("a", 9, 10),
    ]


def test_before_the_last_child_started_another_may_have_been_in_progress() -> None:
    assert path(made("a", None, 0, 10), made("b", "a", 0, 6), made("c", "a", 4, 10)) == [
        ("b", 0, 4),
        ("c", 4, 10),
    ]


def test_grandchildren_count_for_their_parent() -> None:
    assert path(made("a", None, 0, 10), made("b", "a", 2, 8), made("c", "b", 3, 5)) == [
        ("a", 0, 2),
        ("b", 2, 3),
        ("c", 3, 5),
        ("b", 5, 8),
        ("a", 8, 10),
    ]


def test_of_a_child_that_outlives_its_parent_counts_what_is_inside() -> None:
    assert path(made("a", None, 0, 10), made("b", "a", 8, 50)) == [("a", 0, 8), ("b", 8, 10)]


def test_of_a_child_that_starts_before_its_parent_counts_what_is_inside() -> None:
    """Clocks of two machines differ."""
    assert path(made("a", None, 10, 20), made("b", "a", 8, 12)) == [("b", 10, 12), ("a", 12, 20)]


def test_a_grandchild_does_not_reach_beyond_its_grandparent() -> None:
    assert path(made("a", None, 10, 20), made("b", "a", 8, 30), made("c", "b", 5, 40)) == [("c", 10, 20)]


def test_a_child_that_starts_when_its_parent_is_over_does_not_count() -> None:
    assert path(made("a", None, 0, 10), made("b", "a", 10, 20), made("c", "a", 11, 20)) == [("a", 0, 10)]


def test_a_child_that_takes_no_time_does_not_count() -> None:
    assert path(made("a", None, 0, 10), made("b", "a", 5, 5)) == [("a", 0, 10)]


def test_a_root_that_takes_no_time_has_no_path() -> None:
    assert path(made("a", None, 5, 5), made("b", "a", 5, 9)) == []


def test_without_spans_there_is_no_path() -> None:
    assert path() == []


def test_the_earliest_root_counts() -> None:
    assert path(made("late", None, 5, 9), made("early", "not received", 1, 3)) == [("early", 1, 3)]


def test_of_roots_that_start_together_the_longest_counts() -> None:
    assert path(made("short", None, 1, 3), made("long", None, 1, 9)) == [("long", 1, 9)]


def test_a_span_that_is_its_own_parent_is_a_root() -> None:
    assert path(made("a", "a", 0, 10)) == [("a", 0, 10)]


def test_where_parents_form_a_circle_the_earliest_span_is_the_root() -> None:
    assert path(made("a", "b", 0, 10), made("b", "c", 2, 8), made("c", "a", 1, 6)) == [
        ("a", 0, 1),
        ("c", 1, 2),
        ("b", 2, 6),
        ("a", 6, 10),
    ]


def test_a_circle_beside_a_root_does_not_count() -> None:
    assert path(made("b", "c", 0, 8), made("c", "b", 0, 8), made("a", None, 5, 10)) == [("a", 5, 10)]


def test_the_sides_of_a_call_that_share_an_id_are_told_apart() -> None:
    """Zipkin's server spans have the id of the client's; what the server calls names that id, too."""
    steps = critical_path(
        [
            made("b", "a", 3, 7, "server"),  # by the server's clock, before the client's
            made("b", "a", 4, 9, "client"),
            made("c", "b", 5, 6, "client"),
            made("a", None, 0, 10, "server"),
        ]
    )
    assert [(step["span_id"], step["kind"], step["duration_ns"]) for step in steps] == [
        ("a", "server", 4),
        ("b", "server", 1),
        ("c", "client", 1),
        ("b", "server", 1),
        ("b", "client", 2),
        ("a", "server", 1),
    ]


def test_a_chain_of_many_spans_has_a_path() -> None:
    levels = 5_000
    chain = [
        made(str(level), str(level - 1) if level else None, level, 3 * levels - level)
        for level in range(levels)
    ]
    steps = path(*chain)
    assert len(steps) == 2 * levels - 1
    assert max(steps, key=lambda step: int(step[0])) == (str(levels - 1), levels - 1, 2 * levels + 1)


def test_a_span_with_many_children_has_a_path() -> None:
    children = [made(str(number), "a", 2 * number, 2 * number + 1) for number in range(50_000)]
    assert len(path(made("a", None, 0, 100_000), *children)) == 100_000


IDS = "abcdefg"
TIMES = st.integers(0, 12)


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Spans whose parents may be missing, themselves, or in a circle, and whose times need not fit together."""
    return [
        made(span_id, draw(st.sampled_from([None, "missing", *IDS])), start, start + draw(TIMES))
        for span_id in draw(st.permutations(IDS[: draw(st.integers(1, len(IDS)))]))
        for start in [draw(TIMES)]
    ]


def start_of(span: Mapping[str, Any]) -> int:
    start: int = span["start_time_unix_nano"]
    return start


def end_of(span: Mapping[str, Any]) -> int:
    end: int = span["start_time_unix_nano"] + span["duration_ns"]
    return end


def waited_for(spans: Sequence[Mapping[str, Any]], moment: float) -> list[str]:
    """The definition, moment by moment: from the root down, the child in progress that ends last.

    The answer is one span, or none where the root is not in progress.
    """
    ids = {span["span_id"] for span in spans}
    roots = [span for span in spans if span["parent_span_id"] not in ids - {span["span_id"]}]
    root = min(roots or spans, key=lambda span: (start_of(span), -end_of(span)))
    others = [span for span in spans if span not in roots and span is not root]
    going = [span for span in (root, *others) if start_of(span) < moment < end_of(span)]
    here, below = None, [span for span in going if span is root]
    while below:
        here = max(reversed(below), key=lambda span: (end_of(span), -start_of(span)))
        below = [span for span in going if span["parent_span_id"] == here["span_id"] and span is not root]
    return [here["span_id"]] if here else []


@given(traces())
def test_at_any_moment_it_is_the_span_that_the_definition_names(spans: list[dict[str, Any]]) -> None:
    steps = path(*spans)
    for moment in (whole + 0.5 for whole in range(25)):
        covering = [span_id for span_id, start, end in steps if start < moment < end]
        assert covering == waited_for(spans, moment)


@given(traces())
def test_steps_are_whole_and_within_their_spans(spans: list[dict[str, Any]]) -> None:
    steps = path(*spans)
    of = {span["span_id"]: span for span in spans}
    for name, start, end in steps:
        assert start_of(of[name]) <= start < end <= end_of(of[name])
    for (before, _, until), (after, since, _) in pairwise(steps):
        assert until == since
        assert before != after


async def test_a_trace_is_shown_with_its_path(api: Api, put: Put) -> None:
    put(traces_request(span(2, parent=1, at=1, lasts=2, kind=Span.SPAN_KIND_CLIENT), span(1, lasts=4)))
    steps = (await api.trace())["critical_path"]
    assert steps == [
        step(1, "server", at=0, lasts_s=1),
        step(2, "client", at=1, lasts_s=2),
        step(1, "server", at=3, lasts_s=1),
    ]


def step(number: int, kind: str, at: int, lasts_s: int) -> dict[str, Any]:
    return {
        "span_id": span_id(number).hex(),
        "kind": kind,
        "start_time_unix_nano": clock_ns(at),
        "duration_ns": lasts_s * 10**9,
    }
