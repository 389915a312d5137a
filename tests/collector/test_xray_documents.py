"""Segment documents as spans: ids, times, kinds, and what of a document is rejected."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.collector.xray_documents import (
    AT,
    attributes_of,
    codes,
    independent,
    plain,
    segment,
    sent,
    span_of,
    spans_of,
    subsegment,
    xray_trace_id,
)

from coldlight_collector.xray.documents import MAX_DOCUMENT_BYTES
from coldlight_storage.testing import clock_ns, span_id, trace_id

SERVER, CLIENT, INTERNAL = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL


def test_a_segment_is_a_server_span() -> None:
    span = span_of(segment(1, name="shop.example", parent_id=span_id(9).hex()))
    assert (span.trace_id, span.span_id, span.parent_span_id) == (trace_id(1), span_id(1), span_id(9))
    assert (span.name, span.kind, span.status.code) == ("shop.example", SERVER, Status.STATUS_CODE_UNSET)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (clock_ns(0), clock_ns(1))
    assert list(span.attributes) == []


def test_times_keep_every_digit() -> None:
    text = json.dumps(segment(start_time=0, end_time=1)).replace(
        '"start_time": 0, "end_time": 1', f'"start_time": {AT}.0000001, "end_time": {AT // 10}.0123456E1'
    )
    span = span_of(text)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
        clock_ns(0) + 100,
        clock_ns(0) + 123456000,
    )


def test_subsegments_are_spans_below_what_they_are_in() -> None:
    inner = subsegment(3, subsegments=[subsegment(4)])
    spans = spans_of(segment(1, subsegments=[subsegment(2), inner]))
    below = {int.from_bytes(span.span_id): int.from_bytes(span.parent_span_id) for span in spans}
    assert below == {1: 0, 2: 1, 3: 1, 4: 3}
    assert {span.trace_id for span in spans} == {trace_id(1)}
    assert [int.from_bytes(span.span_id) for span in spans] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("namespace", "kind"), [("aws", CLIENT), ("remote", CLIENT), ("local", INTERNAL), (None, INTERNAL)]
)
def test_a_subsegment_with_a_namespace_is_a_call(namespace: str | None, kind: int) -> None:
    embedded = spans_of(segment(subsegments=[subsegment(namespace=namespace)]))[1]
    for span in (embedded, span_of(independent(namespace=namespace))):
        assert span.kind == kind
        assert plain(span.attributes).get("aws.xray.namespace") == namespace


def test_an_independent_subsegment_names_its_parent() -> None:
    span = span_of(independent(2, parent=1))
    assert (span.span_id, span.parent_span_id, span.kind) == (span_id(2), span_id(1), INTERNAL)
    assert plain(span.attributes) == {"aws.xray.type": "subsegment"}


def test_an_independent_subsegment_does_not_know_its_service() -> None:
    [group], _ = sent(independent(name="DynamoDB"))
    assert plain(group.resource.attributes) == {}


@pytest.mark.parametrize("make", [segment, independent])
@pytest.mark.parametrize("namespace", [None, "aws"])
def test_what_is_in_progress_has_the_identity_of_what_completes_it(make: Any, namespace: str | None) -> None:
    begun = span_of(make(1, namespace=namespace, end_time=None, in_progress=True))
    done = span_of(make(1, namespace=namespace, in_progress=False))
    assert (begun.trace_id, begun.span_id, begun.kind) == (done.trace_id, done.span_id, done.kind)
    assert plain(begun.attributes)["coldlight.partial"] is True
    assert "coldlight.partial" not in plain(done.attributes)
    assert begun.start_time_unix_nano == begun.end_time_unix_nano == done.start_time_unix_nano


def test_a_document_may_be_an_array_of_subsegments() -> None:
    assert [span.span_id for span in spans_of([independent(2), independent(3)])] == [span_id(2), span_id(3)]


def test_an_end_before_the_start_is_repaired_and_says_so() -> None:
    span = span_of(segment(end_time=AT - 1))
    assert span.start_time_unix_nano == span.end_time_unix_nano
    assert plain(span.attributes)["coldlight.repaired"] == ["end_time_unix_nano"]


def test_a_parent_that_is_no_id_is_dropped_and_noted() -> None:
    span = span_of(segment(parent_id="the API"))
    assert span.parent_span_id == b""
    assert plain(span.attributes) == {
        "coldlight.repaired": ["parent_span_id"],
        "coldlight.original.parent_span_id": "the API",
    }


@pytest.mark.parametrize(
    "document",
    [
        json.dumps(segment(user="half \ud83d of a pair")),
        json.dumps(segment(user="broken")).encode().replace(b"broken", b"br\xffken"),
    ],
)
def test_text_that_is_none_is_mended_and_says_so(document: str | bytes) -> None:
    attributes = attributes_of(document)
    assert "\N{REPLACEMENT CHARACTER}" in attributes["enduser.id"]
    assert attributes["coldlight.repaired"] == ["attributes"]


def test_annotations_whose_keys_differ_in_broken_text_alone_are_all_kept() -> None:
    annotations = {f"half {half}": number for number, half in enumerate("\ud83d\ud83e", 1)}
    found = attributes_of(json.dumps(segment(annotations=annotations)))
    assert (found["half \ufffd"], found["half \ufffd_2"]) == (1, 2)


def test_characters_beyond_16_bits_need_no_mending() -> None:
    assert attributes_of(segment(user="😀")) == {"enduser.id": "😀"}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("trace_id", None, "MissingTraceId"),
        ("trace_id", "1-x", "InvalidTraceId"),
        ("trace_id", 7, "InvalidTraceId"),
        ("id", None, "MissingId"),
        ("id", "xyz", "InvalidId"),
        ("id", "g" * 16, "InvalidId"),
        ("id", [], "InvalidId"),
        ("name", None, "MissingName"),
        ("name", "", "MissingName"),
        ("name", {"a": 1}, "InvalidName"),
        ("start_time", None, "MissingStartTime"),
        ("start_time", -1, "InvalidStartTime"),
        ("start_time", "soon", "InvalidStartTime"),
        ("start_time", float("nan"), "InvalidStartTime"),
        ("end_time", None, "MissingEndTime"),
        ("end_time", float("inf"), "InvalidEndTime"),
        ("end_time", True, "InvalidEndTime"),
    ],
)
def test_a_segment_without_what_it_needs_is_rejected_with_the_code_of_x_ray(
    field: str, value: Any, code: str
) -> None:
    good = segment(2)
    groups, [rejection] = sent(segment(1, **{field: value}), good)
    assert rejection.code == code
    assert str(rejection).startswith(f"Invalid segment. ErrorCode: {code}, Cause: ")
    assert [span.span_id for group in groups for span in group.scope_spans[0].spans] == [span_id(2)]
    assert rejection.segment_id == (
        None if field == "id" and not isinstance(value, str) else _id(field, value)
    )


def _id(field: str, value: Any) -> str:
    return str(value) if field == "id" else span_id(1).hex()


def test_what_is_nested_deeper_than_otlp_can_carry_is_kept_as_text() -> None:
    text = "[" * 40 + "1.5" + "]" * 40
    attributes = attributes_of(json.dumps(segment(metadata={"a": {}})).replace("{}", text))
    assert attributes["aws.xray.metadata.a"] == text
    assert attributes["coldlight.repaired"] == ["aws.xray.metadata.a"]


@pytest.mark.parametrize("depth", [300, 600, 900, 990, 5000])
def test_no_depth_brings_the_collector_down(depth: int) -> None:
    deep = json.dumps(segment(1, metadata={"a": {}})).replace("{}", "[" * depth + "]" * depth)
    groups, rejections = sent(deep, segment(2))
    stored = [span.span_id for group in groups for span in group.scope_spans[0].spans]
    assert span_id(2) in stored
    assert len(stored) == 2 or {rejection.code for rejection in rejections} <= {"ParseError", "NestedTooDeep"}


def test_a_bad_subsegment_costs_neither_its_segment_nor_what_is_inside_it() -> None:
    bad = subsegment(2, name=None, subsegments=[subsegment(3)])
    nameless = subsegment(4, id=None, subsegments=[subsegment(5)])
    groups, rejections = sent(segment(1, subsegments=[bad, "none", nameless]))
    spans = groups[0].scope_spans[0].spans
    below = {int.from_bytes(span.span_id): int.from_bytes(span.parent_span_id) for span in spans}
    assert below == {1: 0, 3: 2, 5: 1}
    assert sorted((rejection.code, rejection.what) for rejection in rejections) == [
        ("MissingId", "subsegment"),
        ("MissingName", "subsegment"),
        ("ParseError", "subsegment"),
    ]


def test_subsegments_are_nested_a_hundred_deep_and_no_deeper() -> None:
    document = subsegment(200)
    for number in range(199, 0, -1):
        document = subsegment(number, subsegments=[document])
    groups, rejections = sent(document | {"trace_id": xray_trace_id()})
    assert len(groups[0].scope_spans[0].spans) == 101
    assert [rejection.code for rejection in rejections] == ["NestedTooDeep"]


@pytest.mark.parametrize(
    "text", ["", "no JSON", "{", "[1", "null", "7", '"text"', "[[]]", b"\xff\xfe", "[" * 100_000]
)
def test_what_is_no_document_is_a_parse_error(text: str | bytes) -> None:
    assert codes(text) == ["ParseError"]


def test_a_document_may_be_larger_than_aws_takes_but_not_without_end() -> None:
    assert len(attributes_of(segment(user="x" * 500_000))["enduser.id"]) == 500_000
    assert codes(segment(user="x" * MAX_DOCUMENT_BYTES)) == ["DocumentTooLarge"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    *(
        "name",
        "id",
        "trace_id",
        "parent_id",
        "start_time",
        "end_time",
        "in_progress",
        "type",
        "namespace",
        "user",
    ),
    *(
        "http",
        "aws",
        "sql",
        "cause",
        "annotations",
        "metadata",
        "subsegments",
        "links",
        "service",
        "origin",
        "error",
    ),
    *("resource_arn", "precursor_ids", "traced", "unknown"),
)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_a_field_holds_the_segment_is_stored_or_rejected(fields: dict[str, Any]) -> None:
    groups, rejections = sent(json.dumps(segment(1) | fields), segment(2))
    stored = [span for group in groups for span in group.scope_spans[0].spans]
    assert span_id(2) in {span.span_id for span in stored}
    assert len(stored) == 2 or rejections


INSIDE = (
    "request",
    "response",
    "url",
    "method",
    "status",
    "ec2",
    "ecs",
    "xray",
    "sdk",
    "version",
    "table_name",
    "x",
)


@given(
    st.dictionaries(
        st.sampled_from([field for field in FIELDS[7:] if field not in ("namespace", "subsegments")]),
        st.recursive(
            st.just("leaf"),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(INSIDE), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_nothing_that_was_sent_is_lost(fields: dict[str, Any]) -> None:
    leaves = iter(range(1000))

    def numbered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: numbered(item) for key, item in value.items()}
        if isinstance(value, list):
            return [numbered(item) for item in value]
        return f"<leaf {next(leaves)}>"

    groups, rejections = sent(segment(1) | numbered(fields))
    assert rejections == []
    stored = str(groups)
    assert [f"<leaf {number}>" for number in range(next(leaves)) if f"<leaf {number}>" not in stored] == []
