"""`link_keys` has who produced and who consumed each key, whoever wrote the spans, however often, and since before it was there."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_storage import Store
from coldlight_storage.migrations import run, steps
from coldlight_storage.testing import Put, span, span_id, trace_id, traces_request

ROWS = "SELECT DISTINCT Key, Role, SpanId FROM link_keys ORDER BY Key, Role, SpanId"
PRODUCED, CONSUMED = "coldlight.link.produced", "coldlight.link.consumed"


def rows(store: Store) -> list[tuple[str, str, int]]:
    """Key, role, and the span's number."""
    return [(row["Key"], row["Role"], int(row["SpanId"], 16)) for row in store.select(ROWS)]


def test_both_ends_of_a_key_are_there(store: Store, put: Put) -> None:
    sent = span(1, kind=Span.SPAN_KIND_PRODUCER, attributes={PRODUCED: ["sqs:1", "sqs:2"]})
    received = span(2, attributes={CONSUMED: ["sqs:1"], "faas.invocation_id": "r1"})
    put(traces_request(sent, received))
    assert rows(store) == [
        ("lambda:r1", "invoked", 2),
        ("sqs:1", "consumed", 2),
        ("sqs:1", "produced", 1),
        ("sqs:2", "produced", 1),
    ]


def test_links_are_there_by_the_trace_they_lead_to(store: Store, put: Put) -> None:
    links = [Span.Link(trace_id=trace_id(9), span_id=span_id(number)) for number in (1, 2)]
    put(traces_request(span(3, links=links)))
    assert rows(store) == [(f"trace:{trace_id(9).hex()}", "linked", 3)]


def test_most_spans_have_none(store: Store, put: Put) -> None:
    inside = span(1, kind=Span.SPAN_KIND_INTERNAL, attributes={"faas.invocation_id": "r1"})
    strange = span(2, attributes={PRODUCED: "sqs:1", CONSUMED: [""]})
    put(traces_request(inside, strange))
    assert rows(store) == []


def test_a_span_that_comes_again_changes_nothing(store: Store, put: Put) -> None:
    request = traces_request(span(1, attributes={PRODUCED: ["sqs:1"]}))
    put(request)
    put(request)
    store.command("OPTIMIZE TABLE link_keys FINAL")
    assert store.select("SELECT count() AS n FROM link_keys") == [{"n": 1}]


def test_what_was_stored_before_the_table_was_there_is_in_it(store: Store, put: Put) -> None:
    put(traces_request(span(1, attributes={PRODUCED: ["sqs:1"]})))
    store.command("TRUNCATE TABLE link_keys")
    [step] = [step for step in steps() if step.name == "link_keys"]
    for _ in range(2):
        for statement in step.statements:
            run(store, statement)
    assert rows(store) == [("sqs:1", "produced", 1)]
