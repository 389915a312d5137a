"""Attribute values: text and type signature to a value and back, and the forms in which readers want it."""

import math

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from coldlight_storage.attributes import (
    KeyValues,
    Value,
    decode_pairs,
    decode_value,
    encode_nested,
    from_proto,
    pairs_to_otlp,
    to_otlp,
    to_plain,
)
from coldlight_storage.testing import any_value

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS: st.SearchStrategy[Value] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), TEXTS, st.binary()
)
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.lists(st.tuples(TEXTS, inner)).map(lambda pairs: KeyValues(tuple(pairs)))
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "types", "value"),
    [
        ("a", "s", "a"),
        ("", "s", ""),
        ("true", "b", True),
        ("false", "b", False),
        ("-9223372036854775808", "i", -(2**63)),
        ("0.1", "d", 0.1),
        ("5", "d", 5.0),
        ("inf", "d", math.inf),
        ("/wA=", "y", b"\xff\x00"),
        ("", "n", None),
        ("[]", "[]", []),
        ("{}", "{}", KeyValues(())),
        ('["a",1,true,null]', "[sibn]", ["a", 1, True, None]),
        ('{"a":[1.0,"nan"],"a":{}}', "{[dd]{}}", KeyValues((("a", [1.0, math.nan]), ("a", KeyValues(()))))),
        ("no types", "", "no types"),
    ],
)
def test_a_text_and_its_types_are_a_value(text: str, types: str, value: Value) -> None:
    assert repr(decode_value(text, types)) == repr(value)


@given(ANY.filter(lambda value: isinstance(value, list | KeyValues)))
def test_nested_values_come_back(value: list[Value] | KeyValues) -> None:
    """Compared by their representation, which tells 1 from True, 0.0 from -0.0, and in which NaN equals NaN."""
    assert repr(decode_value(*encode_nested(value))) == repr(value)


def test_pairs_share_one_signature() -> None:
    found = decode_pairs(["a", "b", "a"], ["1", '["x",2]', "1"], "i[si]s")
    assert found == KeyValues((("a", 1), ("b", ["x", 2]), ("a", "1")))


def test_pairs_without_types_are_strings() -> None:
    assert decode_pairs(["a", "b"], ["1", "[]"], "") == KeyValues((("a", "1"), ("b", "[]")))
    assert decode_pairs([], [], "") == KeyValues(())


MISFITS = ["i", "ii", "i?", "i[", "i[s", "i[s]", "i{s}", "i[[[", "iy", "id", "in[", "ib["]


@pytest.mark.parametrize("types", MISFITS)
def test_types_that_do_not_fit_leave_the_texts(types: str) -> None:
    """Anybody can write to the tables; what they wrote wrongly is still worth showing."""
    texts = ["1x", "{"]
    assert decode_pairs(["a", "b"], texts, types) == KeyValues((("a", "1x"), ("b", "{")))


@given(TEXTS, st.text(st.sampled_from("nsbidy[]{}AK?")))
def test_no_text_and_no_types_are_an_error(text: str, types: str) -> None:
    decode_value(text, types)
    decode_pairs(["a", "b"], [text, text], types)


@pytest.mark.parametrize(
    ("text", "types"), [("[" * 100_000, "[" * 100_000), ('{"a":' * 100_000, "{" * 100_000)]
)
def test_a_text_nested_without_end_stays_a_text(text: str, types: str) -> None:
    assert decode_value(text, types) == text
    assert decode_pairs(["a"], [text], types) == KeyValues((("a", text),))


@given(ANY)
def test_otlp_s_own_values_are_read(value: Value) -> None:
    assert repr(from_proto(any_value(value))) == repr(value)


@given(ANY)
def test_otlp_json_loses_nothing(value: Value) -> None:
    read = json_format.ParseDict(to_otlp(value), AnyValue())
    assert repr(from_proto(read)) == repr(value)


def test_attributes_as_otlp_json() -> None:
    pairs = KeyValues((("n", 2**53 + 1), ("n", b"\xff"), ("f", -math.inf)))
    assert pairs_to_otlp(pairs) == [
        {"key": "n", "value": {"intValue": "9007199254740993"}},
        {"key": "n", "value": {"bytesValue": "/w=="}},
        {"key": "f", "value": {"doubleValue": "-Infinity"}},
    ]


def test_a_reader_gets_plain_json() -> None:
    nested = KeyValues((("a", [1, b"\xff", None]), ("b", math.nan), ("c", 1), ("c", "last")))
    assert to_plain(nested) == {"a": [1, "/w==", None], "b": "NaN", "c": "last"}
