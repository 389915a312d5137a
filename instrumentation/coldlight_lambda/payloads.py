"""What went in and what came out: of the function, and of the calls that it made. Masked and capped (`excerpts`).

`COLDLIGHT_PAYLOADS` says when: `off`, `errors` (the default) or `on`. What failed may take twice the room, for that is when it is read.

For a patch of a library, `of_call` at the end of the call is all. Until `is_wanted` says so, hold what was sent by reference, and never read
a stream for it. A request or an answer of HTTP is a dict of `headers` (a plain dict) and `body` (str or bytes); of an SDK, its parameters
and its parsed answer.
"""

from __future__ import annotations

from coldlight_lambda.settings import ERRORS, OFF, ON
from coldlight_lambda.spans import ERROR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from coldlight_lambda.settings import Settings
    from coldlight_lambda.spans import Span

REQUEST, RESPONSE = "coldlight.payload.request", "coldlight.payload.response"

_chosen: dict[str, Union[str, int]] = {"when": OFF, "bytes": 0}


def set_up(chosen: Settings) -> None:
    """When payloads are recorded, and how much of them; what is secret beyond what always is."""
    _chosen.update(when=chosen.payloads if chosen.payload_bytes else OFF, bytes=chosen.payload_bytes)
    if chosen.mask_keys:
        from coldlight_lambda import masking

        masking.set_up(chosen.mask_keys)


def is_wanted(failed: bool) -> bool:
    """Whether the payloads of a call are recorded, if it ends like this."""
    return _chosen["when"] == ON or (failed and _chosen["when"] == ERRORS)


def of_event(root: Span, event: Any) -> None:
    """The event, before the handler sees it: so that it is known of an invocation that dies, and as it was before it was changed."""
    if is_wanted(False):
        root.set({REQUEST: _excerpt(event, False)})


def of_invocation(root: Span, event: Any, result: Any, failed: bool) -> None:
    """Event and return value, when the handler has ended. An answer of 500 and above is a failure, too."""
    failed = failed or root.status == ERROR or _is_server_error(result)
    if not is_wanted(failed):
        return
    if failed or REQUEST not in root.attributes:
        root.set({REQUEST: _excerpt(event, failed)})
    if result is not None:
        root.set({RESPONSE: _excerpt(result, failed)})


def of_dying(root: Span, event: Any) -> None:
    """The event of an invocation whose time is nearly up."""
    if is_wanted(True):
        root.set({REQUEST: _excerpt(event, True)})


def of_call(span: Span, request: Any, response: Any, failed: bool) -> None:
    """What a call of the function sent and what came back; None is nothing."""
    failed = failed or span.status == ERROR
    if not is_wanted(failed):
        return
    if request is not None:
        span.set({REQUEST: _excerpt(request, failed)})
    if response is not None:
        span.set({RESPONSE: _excerpt(response, failed)})


def _excerpt(value: Any, failed: bool) -> str:
    from coldlight_lambda.excerpts import excerpt  # most invocations need none of it

    return excerpt(value, int(_chosen["bytes"]) << failed)


def _is_server_error(result: Any) -> bool:
    """Of a proxy's answer (API Gateway, Function URL, Application Load Balancer)."""
    code = result.get("statusCode") if type(result) is dict else None
    if type(code) is str and len(code) == 3 and code.isdecimal():
        code = int(code)
    return type(code) is int and code >= 500
