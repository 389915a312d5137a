"""What a handler gives back, and cannot always be made JSON of."""

from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from typing import Any


class _Hostile(dict[str, Any]):
    """Does not want to be read by anybody but who encodes it."""

    def get(self, *_: Any) -> Any:
        raise RuntimeError("do not read me")

    __getitem__ = __contains__ = get


class _Text(str):
    __slots__ = ()

    def __len__(self) -> int:
        raise RuntimeError("do not measure me")


class _Code(int):
    def __ge__(self, other: Any) -> bool:
        raise RuntimeError("do not compare me")


def bytes_as_they_are(event: Any, context: Any) -> Any:
    return b"\x00\xff\xfe no UTF-8"


def lone_surrogate(event: Any, context: Any) -> Any:
    return {"body": "\ud83d", "\udc00": 1}


def not_a_number(event: Any, context: Any) -> Any:
    return [float("nan"), float("inf"), Decimal("1.10"), Decimal("NaN")]


def in_a_circle(event: Any, context: Any) -> Any:
    circle: list[Any] = []
    circle.append(circle)
    return circle


def too_deep(event: Any, context: Any) -> Any:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


def many(event: Any, context: Any) -> Any:
    return {str(number): [number] * 10 for number in range(20_000)}


def larger_than_lambda_takes(event: Any, context: Any) -> Any:
    return "\u00e9" * (6 << 20)


def a_set(event: Any, context: Any) -> Any:
    return {1}


def a_time(event: Any, context: Any) -> Any:
    return datetime(2026, 1, 2)


def keys_of_all_kinds(event: Any, context: Any) -> Any:
    return OrderedDict([(1, "a"), (None, "b"), (True, "c"), (1.5, "d")])


def keys_that_are_none(event: Any, context: Any) -> Any:
    return {("a", "b"): 1}


def hostile(event: Any, context: Any) -> Any:
    return _Hostile(statusCode=_Code(500), body=_Text("sorry"))


def status_of_a_kind(event: Any, context: Any) -> Any:
    return {"statusCode": _Code(503), "body": "sorry"}


def the_event_changed(event: Any, context: Any) -> Any:
    if isinstance(event, dict):
        event["itself"] = sorted(event)
    return event


def the_context(event: Any, context: Any) -> Any:
    """What a handler is told beside its event; of the time that is left, whether there is any."""
    return [
        context.function_name,
        context.function_version,
        context.invoked_function_arn,
        context.aws_request_id,
        context.memory_limit_in_mb,
        context.log_stream_name,
        sorted(vars(context)),
        context.get_remaining_time_in_millis() > 0,
    ]
