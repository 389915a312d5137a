import copy
import datetime
import decimal
import json
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldlight_lambda import masking, payloads
from coldlight_lambda.excerpts import excerpt
from coldlight_lambda.settings import Settings
from coldlight_lambda.spans import SERVER, Context, Span

REQUEST, RESPONSE = payloads.REQUEST, payloads.RESPONSE


@pytest.fixture(autouse=True)
def off_afterwards() -> Iterator[None]:
    yield
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "off"}))


def choose(when: str, size: int = 2048) -> None:
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": when, "COLDLIGHT_PAYLOAD_BYTES": str(size)}))


def new_span() -> Span:
    return Span(Context(b"t" * 16, b"s" * 8), b"", "orders", SERVER, 1)


def recorded(event: Any, result: Any, failed: bool) -> dict[str, Any]:
    span = new_span()
    payloads.of_event(span, event)
    payloads.of_invocation(span, event, result, failed)
    return span.attributes


def test_by_default_payloads_are_those_of_failures() -> None:
    payloads.set_up(Settings({}))
    assert recorded({"a": 1}, {"b": 2}, failed=False) == {}
    assert recorded({"a": 1}, None, failed=True) == {REQUEST: '{"a":1}'}


def test_payloads_of_everything_if_asked() -> None:
    choose("on")
    assert recorded({"a": 1}, {"b": 2}, failed=False) == {REQUEST: '{"a":1}', RESPONSE: '{"b":2}'}


def test_no_payloads_if_not_wanted() -> None:
    choose("off")
    assert recorded({"a": 1}, {"b": 2}, failed=True) == {}


def test_names_of_secrets_can_be_added() -> None:
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "on", "COLDLIGHT_MASK_KEYS": "iban"}))
    try:
        assert recorded({"customerIban": "DE1", "a": 1}, None, failed=False) == {
            REQUEST: '{"customerIban":"***","a":1}'
        }
    finally:
        masking.set_up(())


def test_an_event_is_recorded_as_it_was_before_the_handler_changed_it() -> None:
    choose("on")
    span, event = new_span(), {"a": 1}
    payloads.of_event(span, event)
    event["a"] = 2
    payloads.of_invocation(span, event, None, failed=False)
    assert span.attributes[REQUEST] == '{"a":1}'


@pytest.mark.parametrize(
    ("code", "is_failure"),
    [(200, False), (404, False), (500, True), ("502", True), ("x", False), (None, False)],
)
def test_an_answer_of_a_broken_server_is_a_failure(code: Any, is_failure: bool) -> None:
    choose("errors")
    assert bool(recorded({}, {"statusCode": code}, failed=False)) == is_failure


def test_a_failure_may_take_twice_the_room() -> None:
    choose("on", size=100)
    assert 80 < len(recorded("x" * 1000, None, failed=False)[REQUEST]) <= 100
    assert 180 < len(recorded("x" * 1000, None, failed=True)[REQUEST]) <= 200


def test_a_call_of_the_function_is_recorded_by_the_same_rules() -> None:
    choose("errors")
    span = new_span()
    payloads.of_call(
        span, {"headers": {"authorization": "x"}, "body": b'{"n": 1}'}, {"body": b"\xff\xfe"}, failed=False
    )
    assert span.attributes == {}
    payloads.of_call(
        span, {"headers": {"authorization": "x"}, "body": b'{"n": 1}'}, {"body": b"\xff\xfe"}, failed=True
    )
    assert json.loads(str(span.attributes[REQUEST])) == {
        "headers": {"authorization": "***"},
        "body": '{"n": 1}',
    }
    assert json.loads(str(span.attributes[RESPONSE])) == {"body": "<2 bytes>"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | inner.map(lambda value: json.dumps(value, default=repr))
    ),
    max_leaves=40,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(values, max_size=8), st.integers(0, 500))
def test_an_excerpt_is_json_within_its_limit_and_changes_nothing(value: list[Any], limit: int) -> None:
    before = copy.deepcopy(value)
    found = excerpt(value, limit)
    assert len(found.encode()) <= limit
    assert repr(value) == repr(before)
    if limit >= 5:
        json.loads(found)


@settings(max_examples=100, deadline=None)
@given(values, st.integers(5, 500))
def test_a_text_is_cut_within_its_limit(value: Any, limit: int) -> None:
    assert len(excerpt(json.dumps(value, default=repr), limit).encode()) <= limit


def test_what_is_left_out_is_told() -> None:
    assert excerpt(list(range(1000)), 60) == '[0,1,2,3,4,5,6,7,8,9,10,11,12,"... 987 more"]'
    assert excerpt({"a": 1, "b": "x" * 100}, 64) == '{"a":1,"b":"xxx... 97 more"}'
    assert excerpt("x" * 100, 40) == "x" * 19 + "... 81 more"


def test_the_size_of_an_event_does_not_matter() -> None:
    event = {"Records": [{"body": json.dumps({"n": number, "text": "x" * 1000})} for number in range(6_000)]}
    found = json.loads(excerpt(event, 2048))
    assert found["Records"][0]["body"].startswith('{"n":')
    assert "more" in found["Records"][-1]


def test_a_large_body_that_is_json_is_read_as_far_as_it_is_shown() -> None:
    body = json.dumps({"password": "hunter2", "items": list(range(1_000_000))})
    found = excerpt({"body": body}, 300)
    assert json.loads(json.loads(found)["body"])["items"][:3] == [0, 1, 2]
    assert "hunter2" not in found


def test_a_structure_that_holds_itself_is_written_once() -> None:
    value: dict[str, Any] = {"n": 1}
    value["self"] = value
    assert excerpt(value, 200) == '{"n":1,"self":"<cycle>"}'


def test_a_very_deep_structure_is_cut() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert '"..."' in excerpt(value, 2048)
    assert excerpt("[" * 100_000, 100).startswith("[[[")


class Loud(dict[str, Any]):
    """Says so if its code runs."""

    def _ran(self, *arguments: Any) -> Any:
        raise AssertionError("code of the function ran")

    __len__ = __iter__ = __repr__ = __str__ = __contains__ = __getitem__ = items = keys = get = __bool__ = (
        _ran
    )

    __class__ = property(_ran)


class Foreign:
    __len__ = __iter__ = __repr__ = __str__ = __getattribute__ = Loud._ran


def test_no_code_of_the_function_runs() -> None:
    loud = Loud()
    dict.__setitem__(loud, "a", Foreign())
    assert excerpt([loud], 2048) == f'[{{"a":"<{__name__}.Foreign>"}}]'


def test_what_json_has_no_form_for_is_told_by_its_type_or_written_out() -> None:
    value = [
        decimal.Decimal("1.50"),
        uuid.UUID(int=1),
        datetime.date(2024, 2, 29),
        OrderedDict(a=1),
        (1, 2),
        float("nan"),
        object(),
        iter([1]),
        10**1000,
    ]
    assert json.loads(excerpt(value, 2048)) == [
        "1.50",
        "00000000-0000-0000-0000-000000000001",
        "2024-02-29",
        {"a": 1},
        [1, 2],
        "nan",
        "<object>",
        "<list_iterator>",
        "<int of 3322 bits>",
    ]


def test_an_iterator_is_not_used_up() -> None:
    body = iter([b"a", b"b"])
    excerpt({"body": body}, 2048)
    assert list(body) == [b"a", b"b"]


def test_half_characters_do_no_harm() -> None:
    assert excerpt({"a": "\ud800"}, 100) == '{"a":"?"}'
    assert excerpt("é" * 100, 51).encode()[:26].decode() == "é" * 13
