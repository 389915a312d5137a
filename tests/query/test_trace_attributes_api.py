"""Attributes of a shown span: plain JSON for people, OTLP/JSON for programs, which loses nothing."""

import math
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.examples import examples
from tests.query.api import Api

from coldlight_storage.attributes import KeyValues
from coldlight_storage.testing import Put, any_value, attributes, span, trace_id, traces_request

FAR = 2**53 + 1
"""The first integer that JSON's numbers, as most programs read them, cannot hold."""

# What is sent, and how it is shown: plain, and as OTLP/JSON.
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "text": ("é\t\\'\"\n\x00🜁", "é\t\\'\"\n\x00🜁", {"stringValue": "é\t\\'\"\n\x00🜁"}),
    "empty text": ("", "", {"stringValue": ""}),
    "a number's text": ("200", "200", {"stringValue": "200"}),
    "true": (True, True, {"boolValue": True}),
    "false": (False, False, {"boolValue": False}),
    "integer": (200, 200, {"intValue": "200"}),
    "beyond 2^53": (FAR, FAR, {"intValue": str(FAR)}),
    "greatest integer": (2**63 - 1, 2**63 - 1, {"intValue": str(2**63 - 1)}),
    "least integer": (-(2**63), -(2**63), {"intValue": str(-(2**63))}),
    "double": (0.1, 0.1, {"doubleValue": 0.1}),
    "whole double": (2.0, 2.0, {"doubleValue": 2.0}),
    "great double": (1.7976931348623157e308, 1.7976931348623157e308, {"doubleValue": 1.7976931348623157e308}),
    "small double": (5e-324, 5e-324, {"doubleValue": 5e-324}),
    "NaN": (math.nan, "NaN", {"doubleValue": "NaN"}),
    "infinity": (math.inf, "Infinity", {"doubleValue": "Infinity"}),
    "minus infinity": (-math.inf, "-Infinity", {"doubleValue": "-Infinity"}),
    "bytes": (b"\x00\xff", "AP8=", {"bytesValue": "AP8="}),
    "no bytes": (b"", "", {"bytesValue": ""}),
    "nothing": (None, None, {}),
    "no items": ([], [], {"arrayValue": {"values": []}}),
    "no entries": ({}, {}, {"kvlistValue": {"values": []}}),
    "mixed": (
        ["a", 1, 1.0, None, b"\x01", [True]],
        ["a", 1, 1.0, None, "AQ==", [True]],
        {
            "arrayValue": {
                "values": [
                    {"stringValue": "a"},
                    {"intValue": "1"},
                    {"doubleValue": 1.0},
                    {},
                    {"bytesValue": "AQ=="},
                    {"arrayValue": {"values": [{"boolValue": True}]}},
                ]
            }
        },
    ),
    "a key twice": (
        KeyValues((("k", 1), ("k", FAR))),
        {"k": FAR},
        {
            "kvlistValue": {
                "values": [
                    {"key": "k", "value": {"intValue": "1"}},
                    {"key": "k", "value": {"intValue": str(FAR)}},
                ]
            }
        },
    ),
}


async def test_plain_attributes_are_json_of_their_own_type(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={name: sent for name, (sent, _, _) in VALUES.items()})))
    found = (await api.span())["attributes"]
    expected = {name: plain for name, (_, plain, _) in VALUES.items()}
    assert repr(found) == repr(expected)  # to which 1, 1.0 and true are different


async def test_otlp_attributes_lose_nothing(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={name: sent for name, (sent, _, _) in VALUES.items()})))
    found = (await api.span(attributes="otlp"))["attributes"]
    assert repr(found) == repr({name: otlp for name, (_, _, otlp) in VALUES.items()})


async def test_otlp_is_for_all_attributes_of_a_span(api: Api, put: Put) -> None:
    sent = attributes({"n": FAR})
    event, link = Span.Event(attributes=sent), Span.Link(trace_id=trace_id(9), attributes=sent)
    request = traces_request(span(1, events=[event], links=[link]), resource_attributes={"n": FAR})
    request.resource_spans[0].scope_spans[0].scope.attributes.extend(sent)
    put(request)
    shown = await api.span(attributes="otlp")
    found = [shown["resource"], shown["scope"]["attributes"]]
    found += [shown["events"][0]["attributes"], shown["links"][0]["attributes"]]
    assert [each["n"] for each in found] == [{"intValue": str(FAR)}] * 4


def nested(depth: int, innermost: Any) -> Any:
    """Lists in dictionaries in lists ..."""
    value = innermost
    for level in range(depth):
        value = {"in": value} if level % 2 else [value]
    return value


@pytest.mark.parametrize("depth", [8, 38])
async def test_values_nest_as_deep_as_protobuf_allows(api: Api, put: Put, depth: int) -> None:
    put(traces_request(span(1, attributes={"deep": nested(depth, FAR)})))
    assert (await api.span())["attributes"] == {"deep": nested(depth, FAR)}
    found = (await api.span(attributes="otlp"))["attributes"]["deep"]
    assert found == MessageToDict(any_value(nested(depth, FAR)))


async def test_of_a_key_that_comes_twice_the_last_value_is_shown_with_a_warning(api: Api, put: Put) -> None:
    sent = span(1)
    sent.attributes.extend(attributes(KeyValues((("k", "first"), ("k", "second")))))
    put(traces_request(sent))
    trace = await api.trace()
    assert trace["spans"][0]["attributes"] == {"k": "second"}
    assert trace["warnings"] == ["1 span(s) have an attribute key more than once; its last value is shown"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
SCALARS = (
    TEXT
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=5)
    | st.none()
)
ANY_VALUES = st.recursive(
    SCALARS,
    lambda values: (
        st.lists(values, max_size=3)
        | st.lists(st.tuples(TEXT, values), max_size=3).map(lambda pairs: KeyValues(tuple(pairs)))
    ),
)


async def test_any_value_comes_back(api: Api, put: Put) -> None:
    sent = [any_value(value) for value in examples(ANY_VALUES)]
    spans = [span(number, at=number, attributes={}) for number in range(1, len(sent) + 1)]
    for each, value in zip(spans, sent, strict=True):
        each.attributes.add(key="value").value.CopyFrom(value)
    put(traces_request(*spans))
    shown = (await api.trace(attributes="otlp"))["spans"]
    assert [ParseDict(each["attributes"]["value"], AnyValue()) for each in shown] == sent
