"""botocore, which is what boto3 calls AWS with, and aiobotocore: each API call is a span, with its retries in it.

Semantic conventions: "AWS SDK" and those of each service (`coldlight_lambda.producers`).
"""

from __future__ import annotations

import os
from weakref import WeakSet

from coldlight_lambda import payloads, producers, recorder, settings
from coldlight_lambda.contexts import current, to_xray
from coldlight_lambda.errors import record_error
from coldlight_lambda.patches import replace
from coldlight_lambda.producers import bodies
from coldlight_lambda.recorder import contained
from coldlight_lambda.spans import CLIENT, PRODUCER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from typing import Any, Optional

    from coldlight_lambda.producers import Answer, Family, Parameters
    from coldlight_lambda.spans import Attributes, Span

_PRODUCED = "coldlight.link.produced"
_RESENT = "http.request.resend_count"
_TRACE_HEADER = "X-Amzn-Trace-Id"
_RESPONSE = "ResponseMetadata"
_REFUSED = object()
_heard: WeakSet[Any] = WeakSet()
"""The event systems of clients that we listen to."""


class Call:
    """One API call, while it lasts. `given` is what the function wants sent, `sent` the same with trace context where that fits."""

    __slots__ = ("family", "given", "operation", "sent", "span", "token")

    def __init__(self, family: Optional[Family], operation: str, given: Parameters, span: Span) -> None:
        self.family = family
        self.operation = operation
        self.given = given
        self.sent = given
        self.span = span
        self.token: Token[Span | None] = recorder.enter(span)


def patch(module: Any) -> None:
    """Records the calls of every client, of those made already, too. `module` is `botocore.client` or `aiobotocore.client`."""
    is_async = hasattr(module, "AioBaseClient")
    client = module.AioBaseClient if is_async else module.BaseClient
    bodies.choice["is_asked"] = settings.read().propagate_in_bodies
    replace(client, "_make_api_call", _recorded_async if is_async else _recorded)


def _recorded(original: Callable[..., Any]) -> Callable[..., Any]:
    def _make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        call = contained(_begin, self, operation_name, api_params)
        try:
            try:
                answer = original(self, operation_name, call.sent if call else api_params)
            except Exception as error:
                if not contained(_may_be_ours, call, error):
                    raise
                answer = _REFUSED
            if answer is _REFUSED:
                answer = original(self, operation_name, api_params)
        except BaseException as error:
            contained(_fail, call, error)
            raise
        contained(_succeed, call, self, operation_name, api_params, answer)
        return answer

    return _make_api_call


def _recorded_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def _make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        call = contained(_begin, self, operation_name, api_params)
        try:
            try:
                answer = await original(self, operation_name, call.sent if call else api_params)
            except Exception as error:
                if not contained(_may_be_ours, call, error):
                    raise
                answer = _REFUSED
            if answer is _REFUSED:
                answer = await original(self, operation_name, api_params)
        except BaseException as error:
            contained(_fail, call, error)
            raise
        contained(_succeed, call, self, operation_name, api_params, answer)
        return answer

    return _make_api_call


def _begin(client: Any, operation: str, parameters: Parameters) -> Optional[Call]:
    if current.get() is None:
        return None
    service = str(client.meta.service_model.service_id)
    family = producers.family_of(service)
    kind = PRODUCER if family is not None and operation in family.SENDS else CLIENT
    about = {
        "rpc.system": "aws-api",
        "rpc.service": service,
        "rpc.method": operation,
        "cloud.region": client.meta.region_name,
    }
    span = recorder.start(f"{service}.{operation}", kind, about)
    if span is None:
        return None
    call = Call(family, operation, parameters, span)
    contained(_describe, call)
    contained(recorder.announce, span)
    contained(_listen, client.meta.events)
    return call


def _describe(call: Call) -> None:
    if call.family is not None:
        call.span.set(contained(call.family.described, call.operation, call.given) or {})
        carrier = producers.carrier(call.span.context)
        call.sent = contained(call.family.carrying, call.operation, call.given, carrier) or call.given


def _listen(events: Any) -> None:
    """By botocore's own event system, once for each client."""
    if events not in _heard:
        _heard.add(events)
        events.register_first("before-call", _carry)
        events.register("after-call-error", _count)


def _carry(**event: Any) -> None:
    contained(_set_trace_header, event)


def _set_trace_header(event: Any) -> None:
    """The span of this call in X-Ray's header, from which services hand it on; of a call that is not ours to record, the span
    that it is made in. First, as botocore sets the platform's where there is none; one that the function has set is left.
    The header is not signed, so that it is never in the way of a signature."""
    span, headers = recorder.around(), event["params"]["headers"]
    if span is not None and _TRACE_HEADER not in headers:
        headers[_TRACE_HEADER] = to_xray(span.context, os.environ.get("_X_AMZN_TRACE_ID", ""))


def _count(**event: Any) -> None:
    contained(_set_resent, event)


def _set_resent(event: Any) -> None:
    """How often a call was repeated that never got an answer. One that botocore makes within it, for credentials, has no span."""
    span, attempts = current.get(), event["context"].get("retries", {}).get("attempt", 1)
    operation = event["event_name"].rpartition(".")[2]
    if span is not None and span.attributes.get("rpc.method") == operation and attempts > 1:
        span.set({_RESENT: attempts - 1})


def _may_be_ours(call: Optional[Call], error: Exception) -> bool:
    """Whether a call was refused for what it said, with more in it than the function had put there: it is made again as
    the function wrote it. A queue may take only short messages, for instance."""
    if call is None or call.sent is call.given:
        return False
    code = _code(
        error
    )  # InvalidParameterValue, BatchRequestTooLong, RequestEntityTooLargeException, ValidationException ...
    return code.startswith("Invalid") or "TooL" in code or "Validation" in code


def _code(error: BaseException) -> str:
    """AWS's code of a `ClientError`; nothing for other errors."""
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    return str(details.get("Code") or "") if isinstance(details, dict) else ""


def _succeed(
    call: Optional[Call], client: Any, operation: str, parameters: Parameters, answer: Answer
) -> None:
    if call is None:
        _learn(client, operation, parameters, answer)
        return
    recorder.leave(call.token)
    contained(_tell, call, answer)
    contained(payloads.of_call, call.span, call.given, answer, False)
    recorder.end(call.span)


def _learn(client: Any, operation: str, parameters: Parameters, answer: Answer) -> None:
    """Outside of invocations nothing is recorded, but what is said of tables there serves later."""
    if str(client.meta.service_model.service_id) == "DynamoDB":
        from coldlight_lambda.producers import dynamodb

        dynamodb.learn(operation, parameters, answer)


def _tell(call: Call, answer: Answer) -> None:
    call.span.set(_answered(answer[_RESPONSE]))
    if answer.get("FunctionError"):
        call.span.set({"error.type": str(answer["FunctionError"])})
        call.span.fail("the invoked function failed")
    if call.family is None:
        return
    if call.operation in call.family.SENDS:
        call.span.set(producers.accepted(answer))
    keys = call.family.produced(call.operation, call.given, answer)
    if keys:
        call.span.set({_PRODUCED: keys[: producers.MOST_KEYS]})


def _answered(response: Any) -> Attributes:
    return {
        "http.response.status_code": response.get("HTTPStatusCode"),
        "aws.request_id": response.get("RequestId"),
        "aws.extended_request_id": response.get("HostId") or None,
        _RESENT: response.get("RetryAttempts") or None,
    }


def _fail(call: Optional[Call], error: BaseException) -> None:
    if call is None:
        return
    recorder.leave(call.token)
    contained(_tell_error, call.span, error)
    contained(payloads.of_call, call.span, call.given, getattr(error, "response", None), False)
    recorder.end(call.span)


def _tell_error(span: Span, error: BaseException) -> None:
    response = getattr(error, "response", None)
    status = None
    if isinstance(response, dict) and isinstance(response.get(_RESPONSE), dict):
        status = response[_RESPONSE].get("HTTPStatusCode")
        span.set(_answered(response[_RESPONSE]))
    if status == 304:
        return  # not modified: an exception of botocore's making, and what was asked for
    record_error(span, error)
    span.set({"error.type": _code(error) or None})
