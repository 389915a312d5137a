"""The `cause` of a segment, an exception or several, as OpenTelemetry's `exception` events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coldlight_collector.xray.attributes import PREFIX, text
from coldlight_collector.xray.values import attributes

_KEYS = {
    "id": f"{PREFIX}.exception.id",
    "type": "exception.type",
    "message": "exception.message",
    "remote": f"{PREFIX}.exception.remote",
    "truncated": f"{PREFIX}.exception.truncated",
    "skipped": f"{PREFIX}.exception.skipped",
    "cause": f"{PREFIX}.exception.cause",
}
_FRAME = frozenset(("path", "line", "label"))


@dataclass(frozen=True)
class Cause:
    """What a cause gives a span: events, attributes for the rest of it, and a message for the status."""

    events: list[dict[str, Any]]
    rest: list[tuple[str, Any]]
    message: str


def read_cause(cause: Any, time_unix_nano: int) -> Cause:
    """X-Ray does not tell when an exception was raised: its event gets the time given, the end of the span.

    A cause may be the id of an exception of another span: then that is all there is.
    """
    if not isinstance(cause, dict):
        return Cause([], [] if cause is None else [(f"{PREFIX}.cause", cause)], "")
    listed = cause.get("exceptions")
    exceptions = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    rest = [(f"{PREFIX}.cause.{key}", value) for key, value in cause.items() if key != "exceptions"]
    if listed is not None and (not isinstance(listed, list) or len(exceptions) < len(listed)):
        rest.append((f"{PREFIX}.cause.exceptions", listed))
    events = [_event(entry, time_unix_nano) for entry in exceptions]
    messages = (text(entry.get("message")) for entry in exceptions)
    return Cause(events, rest, next(filter(None, messages), ""))


def _event(exception: Mapping[str, Any], time_unix_nano: int) -> dict[str, Any]:
    return {
        "name": "exception",
        "time_unix_nano": time_unix_nano,
        "attributes": attributes(dict(_exception(exception))),
    }


def _exception(exception: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in exception.items():
        if key in _KEYS:
            yield _KEYS[key], value
        elif key != "stack":
            yield f"{PREFIX}.exception.{key}", value
    stack = exception.get("stack")
    if isinstance(stack, list) and stack and all(map(_is_frame, stack)):
        yield "exception.stacktrace", _stacktrace(exception, stack)
    elif stack:
        yield f"{PREFIX}.exception.stack", stack


def _is_frame(frame: Any) -> bool:
    return (
        isinstance(frame, dict) and frame.keys() <= _FRAME and not isinstance(frame.get("line"), dict | list)
    )


def _stacktrace(exception: Mapping[str, Any], stack: list[Mapping[str, Any]]) -> str:
    """As the OpenTelemetry Collector writes it, in the order that was sent."""
    head = f"{text(exception.get('type')) or ''}: {text(exception.get('message')) or ''}"
    lines = [
        f"\tat {frame.get('label') or ''}({frame.get('path') or ''}: {frame.get('line', '<unknown>')})"
        for frame in stack
    ]
    return "\n".join([head, *lines, ""])
