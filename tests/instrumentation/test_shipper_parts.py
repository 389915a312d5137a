"""The shipper's parts by themselves: its HTTP, its memory, its pace."""

import gzip
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coldlight_lambda import frames, otlp
from coldlight_lambda.addresses import Address
from coldlight_lambda.shipper import loops
from coldlight_lambda.shipper.function_logs import read
from coldlight_lambda.shipper.http1 import BrokenMessage, Messages
from coldlight_lambda.shipper.ledger import Ledger
from coldlight_lambda.shipper.outbox import LOGS, TRACES, Outbox, pack
from coldlight_lambda.shipper.pace import FIRST_INVOCATIONS, LARGEST_BYTES, OLDEST_S, Pace
from coldlight_lambda.shipper.platform_events import facts, kind, unix_nano
from coldlight_lambda.spans import SERVER, Context, Span

POSTED = b"POST /x HTTP/1.1\r\nHost: y\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"


NAMES = ["timestamp", "level", "message", "requestId", "stackTrace", "errorType", "other"]
VALUES = st.none() | st.integers() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)


@given(st.integers(1, 40))
def test_messages_are_read_however_they_are_cut(size: int) -> None:
    stream, reader = (POSTED + CHUNKED) * 2, Messages(100)
    read = [message for at in range(0, len(stream), size) for message in reader.feed(stream[at : at + size])]
    assert [message.body for message in read] == [b"abc", b"abcde"] * 2
    assert read[1].status == 200


@pytest.mark.parametrize(
    "stream",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        b"x" * 100_000,
    ],
)
def test_messages_that_are_too_long_or_broken_are_refused(stream: bytes) -> None:
    with pytest.raises(BrokenMessage):
        Messages(100).feed(stream)


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://collector", "collector", 80, ""),
        ("https://collector/", "collector", 443, ""),
        ("http://127.0.0.1:4318/otlp/", "127.0.0.1", 4318, "/otlp"),
        ("http://[::1]:4318", "::1", 4318, ""),
        ("http://[::1]", "::1", 80, ""),
        ("HTTPS://Collector.example.:4318", "Collector.example.", 4318, ""),
    ],
)
def test_where_a_url_leads_to(url: str, host: str, port: int, path: str) -> None:
    address = Address(url)
    assert (address.host, address.port, address.path) == (host, port, path)


def test_how_a_server_is_named_in_requests() -> None:
    assert [Address(url).authority for url in ("http://h", "https://h", "http://[::1]:4318")] == [
        "h:80",
        "h:443",
        "[::1]:4318",
    ]


def test_a_full_outbox_drops_its_oldest_and_counts_it() -> None:
    outbox = Outbox(most_bytes=10_000)
    for number in range(100):
        outbox.add(TRACES, number, 800)
    taken = outbox.take()
    assert taken is not None
    assert taken[1][-1] == 99
    assert outbox.dropped == {TRACES: 100 - len(taken[1]), LOGS: 0}
    assert outbox.is_empty


def test_batches_that_nobody_takes_make_way_for_what_is_new() -> None:
    outbox = Outbox(most_bytes=2_000)
    batch = pack(TRACES, {}, [bytes(range(256)) * 2], bytes)
    outbox.put(batch)
    for _ in range(3):
        outbox.add(LOGS, b"", 500)
    assert outbox.first() is None
    assert outbox.dropped[TRACES] == 1
    outbox.remove(batch, is_lost=True)
    assert outbox.dropped[TRACES] == 1


def test_a_request_is_the_same_bytes_whenever_it_is_made() -> None:
    made = [pack(TRACES, {"service.name": "orders"}, [b"\x2a\x01a"], bytes).body for _ in range(2)]
    assert made[0] == made[1]
    request = ExportTraceServiceRequest.FromString(gzip.decompress(made[0]))
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "a"


def test_the_first_invocations_and_rare_ones_are_sent_at_their_end_and_busy_ones_later() -> None:
    pace = Pace()
    sent = []
    for second in range(FIRST_INVOCATIONS + 5):
        pace.invoked(float(second))
        sent.append(pace.sends_at_end(0.0, 0))
        pace.ended(second + 0.5)
    assert sent == [True] * FIRST_INVOCATIONS + [False] * 5
    assert pace.sends_at_end(OLDEST_S + 1, 0)
    assert pace.sends_at_end(0.0, LARGEST_BYTES + 1)
    pace.invoked(1000.0)
    assert pace.sends_at_end(0.0, 0)


def test_times_of_the_platform() -> None:
    assert unix_nano("2026-01-02T03:04:05.678Z") == 1767323045678000000
    assert [
        unix_nano(text) for text in (None, 5, "", "yesterday", "2026-01-02T03:04:05", "9999-99-99T00:00:00Z")
    ] == [0] * 6


def test_kinds_of_events() -> None:
    assert kind("platform.initRuntimeDone") == "init_runtime_done"
    assert [
        kind(other) for other in ("function", "platform.extension", "platform.telemetrySubscription")
    ] == [""] * 3


def test_what_an_event_states_is_told_and_what_is_no_statement_is_not() -> None:
    record = {
        "requestId": "id",
        "status": 5,
        "metrics": {"durationMs": True, "billedDurationMs": 3.0, "x": 1},
        "spans": 7,
    }
    assert facts("report", record) == {
        "event.name": "aws.lambda.report",
        "aws.lambda.source": "telemetry",
        "faas.invocation_id": "id",
        "aws.lambda.billed_duration_ms": 3,
    }


@given(st.dictionaries(st.sampled_from(NAMES), VALUES) | VALUES)
def test_any_record_of_a_log_is_a_line(record: object) -> None:
    read(record)


def test_a_printed_object_stays_as_it_was_printed_and_says_what_it_says() -> None:
    line = read('{"level":"ERROR","function_request_id":"id","message":"m"}\n')
    assert (line.body, line.severity, line.request_id) == (
        '{"level":"ERROR","function_request_id":"id","message":"m"}',
        (17, "ERROR"),
        "id",
    )


def test_an_invocation_whose_start_comes_before_the_platforms_word_goes_on() -> None:
    outbox = Outbox()
    ledger = Ledger(outbox, {})
    spans = {
        name: otlp.span(Span(Context(b"t" * 16, name * 8), b"", "own", SERVER, 1)) for name in (b"1", b"2")
    }
    ledger.frame(frames.START, "first", b'{"deadline_ms": 5}\0' + spans[b"1"])
    ledger.invoked("first", "", 5)
    assert outbox.take() is None
    ledger.frame(frames.START, "second", b'{"deadline_ms": 5}\0' + spans[b"2"])
    ledger.invoked("second", "", 5)
    taken = outbox.take()
    assert taken is not None
    assert [record[:28] for record in taken[1]] == [spans[b"1"][:28]]


def test_a_span_that_ended_on_the_way_of_its_snapshot_stays_ended() -> None:
    outbox = Outbox()
    ledger = Ledger(outbox, {})
    root, call = (otlp.span(Span(Context(b"t" * 16, name * 8), b"", "s", SERVER, 1)) for name in (b"1", b"2"))
    ledger.frame(frames.START, "id", b"{}\0" + root)
    for told, span in (
        (frames.SPAN, call),
        (frames.OPEN, call),
        (frames.END, root),
        (frames.OPEN, root),
        (frames.OPEN, call),
    ):
        ledger.frame(told, "id", span)
    ledger.shut_down("failure")
    taken = outbox.take()
    assert taken is not None
    assert taken[1] == [call, root]


def test_a_thread_of_the_shipper_goes_on_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loops, "_PAUSE_S", 0.0)
    has_gone_on, steps = threading.Event(), list[int]()

    def step() -> None:
        steps.append(1)
        if len(steps) == 1:
            raise RuntimeError("once")
        has_gone_on.set()
        threading.Event().wait()

    loops.forever("coldlight-test", step)
    assert has_gone_on.wait(10)
    assert (
        capsys.readouterr().err == "coldlight: coldlight-test goes on after a failure: RuntimeError: once\n"
    )
