"""Whatever an application does, the order in which its spans arrive never changes what is answered."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.query.transactions.memory import Memory, key_rows

from coldlight_query.transactions.spans import Function, Ref, Span, SpanLink

KINDS = ("server", "client", "producer", "consumer", "internal")
KEYS = [
    f"{kind}:{number}" for kind in ("sqs", "sns", "lambda", "dynamodb", "kafka:t:0") for number in range(4)
]
SECOND = 10**9


def refs(kind: str | None = None) -> st.SearchStrategy[Ref]:
    """Few enough that they meet; some of them in no application."""
    of_kind = st.sampled_from(KINDS) if kind is None else st.just(kind)
    return st.builds(
        lambda trace, span, kind: Ref(f"{trace:032x}", f"{span:016x}", kind),
        st.integers(1, 4),
        st.integers(1, 8),
        of_kind,
    )


@st.composite
def spans(draw: st.DrawFn) -> Span:
    ref = draw(refs())
    function = Function("", "", draw(st.sampled_from("abc")))
    parent = draw(st.integers(0, 8))
    keys = st.lists(st.sampled_from(KEYS), max_size=3).map(tuple)
    links = st.lists(refs("").map(lambda ref: SpanLink(ref.trace_id, ref.span_id)), max_size=2).map(tuple)
    return Span(
        ref=ref,
        parent_span_id=f"{parent:016x}" if parent else "",
        name=function.name,
        service=function.name,
        start_ns=draw(st.integers(1, 20)) * SECOND,
        duration_ns=draw(st.integers(0, 5)) * SECOND,
        status=draw(st.sampled_from(["unset", "error"])),
        function=function,
        process=draw(st.sampled_from(["", "p", "q"])),
        request_id=str(draw(st.integers(0, 3))) if ref.kind == "server" else "",
        produced=draw(keys) if ref.kind in ("client", "producer") else (),
        consumed=draw(keys) if ref.kind in ("server", "consumer") else (),
        links=draw(links) if ref.kind in ("server", "consumer") else (),
    )


APPLICATIONS = st.lists(spans(), min_size=1, max_size=25, unique_by=lambda span: span.ref)


def ids(application: Sequence[Span]) -> list[str]:
    """Of some of the spans: all would take long, and examples are many."""
    return sorted({f"{span.ref.trace_id}:{span.ref.span_id}" for span in application})[::4]


def answers(memory: Memory, application: Sequence[Span]) -> list[list[dict[str, Any]]]:
    return [memory.transactions(known_id) for known_id in ids(application)]


@settings(max_examples=25)
@given(APPLICATIONS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(application: list[Span], random: Random) -> None:
    shuffled = random.sample(application, len(application))
    assert answers(Memory(shuffled), application) == answers(Memory(application), application)


@settings(max_examples=25)
@given(APPLICATIONS)
def test_what_was_read_for_other_questions_changes_nothing(application: list[Span]) -> None:
    everything = Memory(application)
    rows = [row for span in application for row in key_rows(span)]
    everything.known.add_traces({span.ref.trace_id for span in application}, application)
    everything.known.add_keys([], rows)
    apart = [Memory(application).transactions(known_id) for known_id in ids(application)]
    assert answers(everything, application) == apart


@settings(max_examples=25)
@given(APPLICATIONS)
def test_a_span_is_part_of_each_transaction_around_it(application: list[Span]) -> None:
    for known_id in ids(application):
        transactions = Memory(application).transactions(known_id)
        assert transactions
        for each in transactions:
            assert known_id in {f"{span['trace_id']}:{span['span_id']}" for span in each["timeline"]}


@settings(max_examples=25)
@given(APPLICATIONS)
def test_the_critical_path_has_no_gap(application: list[Span]) -> None:
    for transaction in Memory(application).transactions(ids(application)[0]):
        path = transaction["critical_path"]
        for step, following in pairwise(path):
            assert step["start_time_unix_nano"] + step["duration_ns"] == following["start_time_unix_nano"]
