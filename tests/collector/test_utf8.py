"""One invalid UTF-8 string costs nothing but its own bad bytes, though parsers refuse the whole request."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from coldlight_collector.intake import Accepted
from coldlight_collector.validate import validate
from coldlight_storage.signals import REQUEST_TYPE, Signal
from coldlight_storage.testing import sent_form


def span(**fields: object) -> dict[str, Any]:
    return {"trace_id": b"a trace of 16 B.", "span_id": b"span 8 B", **fields}


def attribute(key: str, text: str) -> dict[str, Any]:
    return {"key": key, "value": {"string_value": text}}


def store(signal: Signal, **groups: object) -> tuple[Any, Accepted]:
    """A request in which the last byte of every BAD! is no UTF-8, as it is stored."""
    build: Callable[..., Message] = REQUEST_TYPE[signal]
    body = build(**groups).SerializeToString()
    payload = validate(signal, body.replace(b"BAD!", b"BAD\xff"))
    return sent_form(payload.body, signal), payload.outcome


def store_spans(*spans: dict[str, Any]) -> tuple[list[Any], Accepted]:
    request, outcome = store(Signal.TRACES, resource_spans=[{"scope_spans": [{"spans": spans}]}])
    return request.resource_spans[0].scope_spans[0].spans, outcome


def repaired(record: Any) -> list[str]:
    notes = [found.value.array_value for found in record.attributes if found.key == "coldlight.repaired"]
    return [name.string_value for note in notes for name in note.values]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"name": "BAD!"}, ["name"]),
        ({"trace_state": "BAD!", "status": {"message": "BAD!"}}, ["trace_state", "status"]),
        ({"attributes": [attribute("BAD!", "v")]}, ["attributes"]),
        (
            {"attributes": [attribute("k", "v"), attribute("k", "BAD!"), attribute("k", "BAD!")]},
            ["attributes"],
        ),
        ({"events": [{"name": "BAD!"}]}, ["events"]),
        ({"links": [{"attributes": [attribute("k", "BAD!")]}]}, ["links"]),
    ],
)
def test_a_span_with_invalid_utf8_is_mended_and_says_so(fields: dict[str, Any], names: list[str]) -> None:
    (before, mended, after), outcome = store_spans(span(name="before"), span(**fields), span(name="after"))
    assert (before.name, after.name) == ("before", "after")
    assert "BAD\ufffd" in str(mended)
    assert [repaired(stored) for stored in (before, mended, after)] == [[], names, []]
    assert (outcome.rejected, outcome.repaired) == (0, len(names))


def test_keys_that_differ_in_invalid_bytes_alone_stay_two() -> None:
    known = [attribute("BAD!", "1"), attribute("BAD!?", "2"), attribute("BAD!", "3")]
    (mended,), _ = store_spans(span(attributes=[*known, attribute("BAD\ufffd_2", "4")]))
    keys = [found.key for found in mended.attributes if not found.key.startswith("coldlight.")]
    assert sorted(keys) == sorted(["BAD\ufffd", "BAD\ufffd?", "BAD\ufffd_2", "BAD\ufffd_3"])


def test_nested_values_are_mended_and_bytes_are_left_alone() -> None:
    values = [{"bytes_value": b"BAD\xff"}, {"string_value": "BAD!"}, {"int_value": 7}]
    (mended,), _ = store_spans(span(attributes=[{"key": "k", "value": {"array_value": {"values": values}}}]))
    stored = mended.attributes[0].value.array_value.values
    assert [v.bytes_value or v.string_value or v.int_value for v in stored] == [b"BAD\xff", "BAD\ufffd", 7]


def test_only_the_invalid_bytes_of_a_string_are_replaced() -> None:
    (mended,), _ = store_spans(span(name="caf\u00e9 BAD! \U0001f525"))
    assert mended.name == "caf\u00e9 BAD\ufffd \U0001f525"


def test_a_resource_and_a_scope_answer_for_their_own_strings_and_their_groups() -> None:
    resource = {"attributes": [attribute("k", "BAD!")], "entity_refs": [{"id_keys": ["fine", "BAD!"]}]}
    scope = {"scope": {"version": "BAD!"}, "schema_url": "BAD!", "spans": [span()]}
    request, _ = store(Signal.TRACES, resource_spans=[{"resource": resource, "scope_spans": [scope]}])
    (group,) = request.resource_spans
    assert repaired(group.resource) == ["attributes", "entity_refs"]
    assert list(group.resource.entity_refs[0].id_keys) == ["fine", "BAD\ufffd"]
    assert repaired(group.scope_spans[0].scope) == ["version", "schema_url"]
    assert repaired(group.scope_spans[0].spans[0]) == []


def test_a_group_without_a_resource_gets_one_to_say_so() -> None:
    request, _ = store(Signal.LOGS, resource_logs=[{"schema_url": "BAD!"}])
    assert repaired(request.resource_logs[0].resource) == ["schema_url"]


def test_the_data_points_answer_for_the_strings_of_their_metric() -> None:
    bad = {"name": "BAD!", "metadata": [attribute("k", "BAD!")], "sum": {"data_points": [{}, {}]}}
    good = {"name": "good", "gauge": {"data_points": [{}]}}
    request, _ = store(Signal.METRICS, resource_metrics=[{"scope_metrics": [{"metrics": [bad, good]}]}])
    bad_stored, good_stored = request.resource_metrics[0].scope_metrics[0].metrics
    assert bad_stored.name == "BAD\ufffd"
    assert [repaired(point) for point in bad_stored.sum.data_points] == [["name", "metadata"]] * 2
    assert [repaired(point) for point in good_stored.gauge.data_points] == [[]]


def test_a_metric_without_data_is_mended_though_nothing_can_say_so() -> None:
    request, _ = store(
        Signal.METRICS, resource_metrics=[{"scope_metrics": [{"metrics": [{"unit": "BAD!"}]}]}]
    )
    assert request.resource_metrics[0].scope_metrics[0].metrics[0].unit == "BAD\ufffd"


def test_a_log_body_is_mended() -> None:
    record = {"body": {"string_value": "BAD!"}}
    request, _ = store(Signal.LOGS, resource_logs=[{"scope_logs": [{"log_records": [record]}]}])
    (stored,) = request.resource_logs[0].scope_logs[0].log_records
    assert stored.body.string_value == "BAD\ufffd"
    assert repaired(stored) == ["body"]


def test_a_mended_span_is_still_judged_by_its_ids_and_times() -> None:
    spans, outcome = store_spans(span(name="BAD!", span_id=b"1"), span(name="BAD!", parent_span_id=b"1"))
    assert outcome.rejected == 1
    assert [repaired(stored) for stored in spans] == [["name", "parent_span_id"]]


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=5), st.booleans()), min_size=1, max_size=5))
def test_planted_invalid_utf8_never_costs_a_good_span(spans: list[tuple[str, bool]]) -> None:
    sent = [
        span(name=name, trace_state="BAD!" if bad else "fine", attributes=[attribute("k", name)])
        for name, bad in spans
    ]
    stored, outcome = store_spans(*sent)
    assert [(kept.name, bool(repaired(kept))) for kept in stored] == spans
    assert [kept.attributes[0].value.string_value for kept in stored] == [name for name, _ in spans]
    assert (outcome.rejected, outcome.repaired) == (0, sum(bad for _, bad in spans))
