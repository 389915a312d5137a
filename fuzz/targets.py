"""One target a decoder. It takes any bytes, or refuses them in the way it says it does; what it takes is sound, and
nothing that it was sent is lost without a word."""

import base64
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from coldlight_collector import otlp_json, platform_logs
from coldlight_collector.firehose import emf, lambda_lines
from coldlight_collector.firehose.deliveries import UNREADABLE, payloads
from coldlight_collector.firehose.envelope import Envelope, open_envelope, read_document
from coldlight_collector.http.decompress import ENCODINGS, decompress
from coldlight_collector.http.known_heads import KnownHeads
from coldlight_collector.http.messages import Budget, Limits, Refusal, Request
from coldlight_collector.http.reader import RequestReader
from coldlight_collector.intake import Malformed, Refused
from coldlight_collector.journal.frames import TornFrame, encode, scan, trim
from coldlight_collector.json_body import parse_json
from coldlight_collector.stand_ins import replace_stand_ins
from coldlight_collector.validate import validate, validate_message
from coldlight_collector.xray.daemon import read_datagrams
from coldlight_collector.xray.documents import Translation, translate
from coldlight_collector.zipkin import v1_json, v2_json, v2_protobuf
from coldlight_collector.zipkin.receiver import payload_of
from coldlight_collector.zipkin.span import Decoded
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE
from fuzz.soundness import check_payload, records

Target = Callable[[bytes], None]

_TIME_NS = 10**18
_LIMIT_BYTES = 1 << 16
_SIGNALS = tuple(Signal)
_GROUPS = {
    Signal.TRACES: ("resourceSpans", "scopeSpans", "spans"),
    Signal.LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
    Signal.METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
}
_DATA = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


def otlp_protobuf(data: bytes) -> None:
    """A byte for the signal, and a request."""
    signal, body = _SIGNALS[data[0] % 3] if data else Signal.TRACES, data[1:]
    with suppress(Refused):
        check_payload(signal, validate(signal, body, 1000), body)


def otlp_json_request(data: bytes) -> None:
    """A byte for the signal, and a request."""
    signal, body = _SIGNALS[data[0] % 3] if data else Signal.TRACES, data[1:]
    with suppress(Refused):
        payload = validate_message(signal, otlp_json.decode(body, STORED_TYPE[signal]), 1000)
        check_payload(signal, payload, body)
        told, sent = payload.items + payload.outcome.rejected, _count(signal, parse_json(body))
        assert told == sent or (signal is Signal.LOGS and sent < told <= 2 * sent)


def _count(signal: Signal, document: Any) -> int:
    """The spans, log records or data points in OTLP/JSON."""
    found = [document]
    for key in _GROUPS[signal]:
        found = [item for group in found for item in group.get(key) or ()]
    if signal is not Signal.METRICS:
        return len(found)
    return sum(len((metric.get(kind) or {}).get("dataPoints") or ()) for metric in found for kind in _DATA)


def zipkin_v1(data: bytes) -> None:
    """A span of v1 may be several."""
    if counted := _zipkin(v1_json.decode, data):
        assert sum(counted) >= len(parse_json(data))


def zipkin_v2(data: bytes) -> None:
    if counted := _zipkin(v2_json.decode, data):
        assert sum(counted) == len(parse_json(data))


def zipkin_protobuf(data: bytes) -> None:
    _zipkin(v2_protobuf.decode, data)


def _zipkin(decode: Callable[[bytes], Decoded], body: bytes) -> tuple[int, int] | None:
    """The spans accepted and rejected; None for a request that is refused, or empty."""
    try:
        payload = payload_of(decode, body)
    except Refused:
        return None
    check_payload(Signal.TRACES, payload, body)
    return (payload.items, payload.outcome.rejected) if body else None


def xray_document(data: bytes) -> None:
    _check_translation(translate([data]), data)


def xray_datagrams(data: bytes) -> None:
    """Datagrams with a zero byte between them."""
    datagrams = data.split(b"\0")
    translation = read_datagrams(datagrams)
    _check_translation(translation, data)


def _check_translation(translation: Translation, sent: bytes) -> None:
    payload = translation.payload
    check_payload(Signal.TRACES, payload, sent)
    assert payload.outcome.rejected == len(translation.rejections)
    assert payload.items or translation.rejections or b"[" in sent


def firehose_request(data: bytes) -> None:
    """Lines of headers, an empty line, and a body."""
    head, _, body = data.partition(b"\n\n")
    fields = (line.partition(b": ") for line in head.split(b"\n"))
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, _, value in fields}
    with suppress(Refused):
        envelope = open_envelope(headers, _TIME_NS, read_document(body))
        for signal, payload in payloads(envelope, _LIMIT_BYTES):
            check_payload(signal, payload, data)


def firehose_record(data: bytes) -> None:
    """What is in one record: of CloudWatch Logs, of a metric stream, or anything."""
    envelope = Envelope("request", _TIME_NS, [base64.b64encode(data).decode()])
    bodies: set[Any] = set()
    with suppress(Malformed):
        for signal, payload in payloads(envelope, _LIMIT_BYTES):
            request = check_payload(signal, payload, data)
            for record in records(signal, request) if signal is Signal.LOGS else ():
                bodies |= {record.body.string_value, record.event_name}
        assert UNREADABLE in bodies or bodies.issuperset(_messages(data))


def _messages(data: bytes) -> list[str]:
    """The messages of the log events in one JSON object."""
    try:
        document = parse_json(data)
    except Malformed:
        return []
    events = document.get("logEvents") if isinstance(document, dict) else None
    if not isinstance(events, list) or document.get("messageType") != "DATA_MESSAGE":
        return []
    told = [event.get("message") for event in events if isinstance(event, dict)]
    return [replace_stand_ins(text.encode()).decode() for text in told if isinstance(text, str)]


def embedded_metrics(data: bytes) -> None:
    """A line, as it may stand in a log."""
    request: Any = STORED_TYPE[Signal.METRICS]()
    scope = request.resource_metrics.add().scope_metrics.add()
    for number, measurement in enumerate(emf.measurements(data.decode(errors="replace"), _TIME_NS)):
        if number >= emf.MOST_POINTS:
            break
        measurement.write(scope.metrics.add(name=measurement.name, unit=measurement.unit))
    payload = validate_message(Signal.METRICS, request)
    check_payload(Signal.METRICS, payload, data * emf.MOST_POINTS)


def log_line(data: bytes) -> None:
    """A line that a Lambda function or its platform wrote."""
    text = data.decode(errors="replace")
    lambda_lines.read(text)
    request: Any = STORED_TYPE[Signal.LOGS]()
    record = request.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=_TIME_NS)
    record.body.string_value = text
    added = platform_logs.add_events(request)
    assert added <= 1
    check_payload(Signal.LOGS, validate_message(Signal.LOGS, request), data)


def http_requests(data: bytes) -> None:
    """A byte for the size of what arrives at a time, and what arrives on a connection."""
    size, stream = max(data[0], 1) if data else 1, data[1:]
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    together, apart = _read([stream]), _read(pieces)
    assert [each for each in together if isinstance(each, Request)] == [
        each for each in apart if isinstance(each, Request)
    ]
    for read in (together, apart):
        assert all(isinstance(each, Request) for each in read[:-1])


def _read(pieces: list[bytes]) -> list[Request | Refusal]:
    budget = Budget(_LIMIT_BYTES)
    reader = RequestReader(Limits(header_bytes=4096, body_bytes=4096), budget, lambda: 0.0, KnownHeads())
    for piece in pieces:
        if not reader.finished:
            reader.feed(piece)
    read = list(reader.ready)
    reader.discard()
    assert budget.held == 0
    return read


def compressed_body(data: bytes) -> None:
    """A byte for the encoding, and a body."""
    encoding = ENCODINGS[data[0] % len(ENCODINGS)] if data else "gzip"
    with suppress(Refused):
        assert len(decompress(data[1:], encoding, _LIMIT_BYTES)) <= _LIMIT_BYTES


def journal_file(data: bytes) -> None:
    """Bytes that are no segment; or where to break one, how, and its requests."""
    _scan(data)
    place, flip, *bodies = data[:2], data[2:3], *data[3:].split(b"\0")
    frames = [b"".join(encode(body, at, _TIME_NS, 1, bytes(16))) for at, body in enumerate(bodies)]
    file = bytearray(b"".join(frames))
    at = int.from_bytes(place) % len(file)
    broken = file[:at] + bytes([file[at] ^ flip[0]]) + file[at + 1 :] if flip != b"\0" and flip else file[:at]
    whole = sum(len(frame) for frame in frames[: _frame_of(at, frames)])
    found = _scan(bytes(broken))
    assert found == bodies[: len(found)]
    assert len(b"".join(frames[: len(found)])) >= whole


def _frame_of(at: int, frames: list[bytes]) -> int:
    """The number of the frame that holds a byte of the file."""
    end = 0
    for number, frame in enumerate(frames):
        end += len(frame)
        if at < end:
            return number
    return len(frames)


def _scan(data: bytes) -> list[bytes]:
    """The requests of the whole frames at the start."""
    found, end, torn_at = [], 0, len(data)
    try:
        for frame, message in scan(io.BytesIO(data)):
            assert frame.start == end < frame.end <= len(data)
            end = frame.end
            found.append(trim(message))
    except TornFrame as torn:
        torn_at = torn.offset
    assert torn_at == end
    return found


TARGETS: Mapping[str, Target] = {
    target.__name__: target
    for target in (
        otlp_protobuf,
        otlp_json_request,
        zipkin_v1,
        zipkin_v2,
        zipkin_protobuf,
        xray_document,
        xray_datagrams,
        firehose_request,
        firehose_record,
        embedded_metrics,
        log_line,
        http_requests,
        compressed_body,
        journal_file,
    )
}
