"""X-Ray's ids and times: nothing is lost on the way to OpenTelemetry's, and nonsense is refused."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldlight_collector.repair import MAX_TIME_UNIX_NANO
from coldlight_collector.xray.codecs import read_span_id, read_time, read_trace_id
from coldlight_collector.xray.values import read_json

IDS = st.binary(min_size=16, max_size=16).filter(any)
SPAN_IDS = st.binary(min_size=8, max_size=8).filter(any)


@given(IDS)
def test_a_trace_id_has_the_digits_of_w3c_in_two_groups(trace_id: bytes) -> None:
    digits = trace_id.hex()
    assert read_trace_id(f"1-{digits[:8]}-{digits[8:]}") == trace_id
    assert read_trace_id(f"1-{digits[:8]}-{digits[8:]}".upper()) == trace_id


@given(SPAN_IDS)
def test_a_segment_id_is_a_span_id(span_id: bytes) -> None:
    assert read_span_id(span_id.hex()) == span_id


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text())))
def test_anything_else_is_no_id(text: Any) -> None:
    for read in (read_trace_id, read_span_id):
        with pytest.raises(ValueError, match="expected"):
            read(text)


@pytest.mark.parametrize(
    "text",
    [
        "5759e988bd862e3fe1be46a994272793",
        "2-5759e988-bd862e3fe1be46a994272793",
        "1-5759e988-bd862e3fe1be46a99427279",
        "1-5759e988-bd862e3fe1be46a994272793\n",
        "1-5759e98g-bd862e3fe1be46a994272793",
        "1-\N{ARABIC-INDIC DIGIT FIVE}759e988-bd862e3fe1be46a994272793",
        "1-00000000-000000000000000000000000",
    ],
)
def test_what_is_almost_a_trace_id_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|zeros"):
        read_trace_id(text)


@given(st.integers(min_value=1, max_value=MAX_TIME_UNIX_NANO))
def test_a_time_is_exact_to_the_nanosecond_however_it_is_written(unix_nano: int) -> None:
    seconds, fraction = divmod(unix_nano, 10**9)
    assert read_time(read_json(f"{seconds}.{fraction:09}")) == unix_nano
    assert read_time(read_json(f"{unix_nano}e-9")) == unix_nano
    assert read_time(read_json(f"{Decimal(unix_nano).scaleb(-18):f}E9")) == unix_nano


@given(st.integers(min_value=1, max_value=MAX_TIME_UNIX_NANO // 10**9))
def test_whole_seconds_need_no_point(seconds: int) -> None:
    assert read_time(read_json(str(seconds))) == seconds * 10**9


@pytest.mark.parametrize(
    "text",
    [
        *(
            "0",
            "-1",
            "-1461096053.37518",
            "NaN",
            "Infinity",
            "-Infinity",
            "true",
            "null",
            '"1461096053"',
            "[1]",
        ),
        *("9223372036.854775808", "1461096053375", "1e400", "1e-400", "1e99999999999999999999", "9" * 400),
    ],
)
def test_what_is_no_time_since_1970_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number of seconds since 1970"):
        read_time(read_json(text))
