import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.instrumentation.samples import FIRST, FIRST_HEADER, SECOND, XRAY, ids

from coldlight_lambda.contexts import (
    from_b3,
    from_traceparent,
    from_xray,
    to_traceparent,
    to_xray,
    upstream,
    xray_trace_id,
)
from coldlight_lambda.spans import Context

XRAY_HEADER = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0"
B3_HEADER = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"


def test_a_traceparent_is_read_and_written() -> None:
    context = from_traceparent(f" {FIRST_HEADER} ", "shop=1")
    assert context == Context(*FIRST, "shop=1", 1)
    assert to_traceparent(context) == FIRST_HEADER


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        FIRST_HEADER + "-more",
        FIRST_HEADER + ",00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        FIRST_HEADER.upper(),
        "ff" + FIRST_HEADER[2:],
        "zz" + FIRST_HEADER[2:],
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-\uff14bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
)
def test_a_broken_traceparent_is_none(header: str) -> None:
    assert from_traceparent(header) is None


def test_a_later_version_may_say_more_behind_what_this_one_knows() -> None:
    assert ids(from_traceparent("cc" + FIRST_HEADER[2:] + "-what-ever")) == FIRST
    assert from_traceparent("cc" + FIRST_HEADER[2:] + ".what") is None


def test_flags_of_which_nothing_is_known_are_not_passed_on() -> None:
    context = from_traceparent(FIRST_HEADER[:-2] + "ff")
    assert context is not None
    assert context.flags == 0x03


def test_of_a_trace_state_that_is_too_long_the_members_in_front_stay_whole() -> None:
    context = from_traceparent(FIRST_HEADER, ",".join(f"vendor{number}={'x' * 50}" for number in range(20)))
    assert context is not None
    members = context.trace_state.split(",")
    assert len(context.trace_state) <= 512
    assert members == [f"vendor{number}={'x' * 50}" for number in range(len(members))]


def test_xrays_header_names_trace_and_sender_whether_or_not_it_is_sampled() -> None:
    assert ids(from_xray(XRAY_HEADER)) == XRAY
    assert xray_trace_id("Root=1-67891233-abcdef012345678912345678;Sampled=1") == XRAY[0]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Root=1-67891233-abcdef012345678912345678",
        "Root=1-67891233-abcdef012345678912345678;Parent=0000000000000000",
        "Root=2-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8",
        "Root=1-6789123-3abcdef012345678912345678;Parent=53995c3f42cd8ad8",
        "Parent=53995c3f42cd8ad8",
        ";;=;Root;" * 3,
        XRAY_HEADER + ";Lineage=" + "a" * 2000,
    ],
)
def test_an_xray_header_without_both_is_none(header: str) -> None:
    assert from_xray(header) is None


def test_what_xrays_header_says_beside_is_passed_on() -> None:
    received = "Root=1-67891233-0123456789abcdef01234567;Parent=1111111111111111;Sampled=0;Lineage=1:abcd:0"
    assert to_xray(Context(*XRAY), received) == XRAY_HEADER + ";Lineage=1:abcd:0"


def test_b3_comes_in_one_header_or_in_several_and_with_short_trace_ids() -> None:
    assert ids(from_b3({"b3": B3_HEADER})) == SECOND
    several = {"x-b3-traceid": "8448eb211c80319c", "x-b3-spanid": "b7ad6b7169203331", "x-b3-sampled": "1"}
    assert ids(from_b3(several)) == (bytes(8) + SECOND[0][8:], SECOND[1])
    assert from_b3({"b3": "0"}) is None
    assert from_b3({"b3": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331ff-1"}) is None


def test_what_is_written_explicitly_counts_before_what_aws_adds() -> None:
    carried = {"traceparent": FIRST_HEADER, "x-amzn-trace-id": XRAY_HEADER, "b3": B3_HEADER}
    assert ids(upstream(carried, XRAY_HEADER)) == FIRST
    del carried["traceparent"]
    beside = XRAY_HEADER.replace("53995c3f42cd8ad8", "2222222222222222")
    assert ids(upstream(carried, beside)) == (XRAY[0], b"\x22" * 8)
    assert ids(upstream(carried)) == XRAY
    del carried["x-amzn-trace-id"]
    assert ids(upstream(carried)) == SECOND
    assert upstream({}) is None


def test_a_broken_header_does_not_stand_before_a_whole_one() -> None:
    assert (
        ids(upstream({"traceparent": "00-broken", "x-amzn-trace-id": "Root=1-2-3", "b3": B3_HEADER}))
        == SECOND
    )


pieces = some.sampled_from(
    ["00", "-", "=", ";", ",", "Root=1-", "Parent=", FIRST_HEADER, XRAY_HEADER, B3_HEADER, "é", "\ud800"]
)
headers = some.one_of(some.text(), some.lists(pieces, max_size=12).map("".join))


@given(headers, headers, headers)
def test_no_header_makes_reading_raise(one: str, other: str, third: str) -> None:
    upstream({"traceparent": one, "tracestate": other, "x-amzn-trace-id": third}, other)
    upstream({"b3": one, "x-b3-traceid": other, "x-b3-spanid": third})
    to_xray(Context(*FIRST), one)
