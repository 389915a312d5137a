"""AWS's runtime client: a result that it cannot write as JSON has failed its invocation, and only it finds that out.

Between reading an event and writing the answer the runtime does nothing but call the handler. So the end of an invocation is
told once its answer is written, or could not be.
"""

from __future__ import annotations

import time

from coldlight_lambda import bootstrap
from coldlight_lambda.patches import replace
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span


def patch(module: Any) -> None:
    """`awslambdaric.lambda_runtime_marshaller`."""
    replace(module.LambdaMarshaller, "marshal_response", _writing)
    replace(module.LambdaMarshaller, "unmarshal_request", _reading)


def _reading(original: Any) -> Any:
    def unmarshal_request(*args: Any, **kwargs: Any) -> Any:
        event = original(*args, **kwargs)
        contained(bootstrap.unanswered.set, [])
        return event

    return unmarshal_request


def _writing(original: Any) -> Any:
    def marshal_response(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = original(*args, **kwargs)
        except BaseException as error:
            contained(_tell, error)
            raise
        contained(_tell, None)
        return answer

    return marshal_response


def _tell(error: BaseException | None) -> None:
    """Ends what waits for its answer. The last one is the invocation itself; before it came handlers that it called as others."""
    waiting = bootstrap.unanswered.get() or []
    bootstrap.unanswered.set(None)
    last = len(waiting) - 1
    for number, (invocation, event, result) in enumerate(waiting):
        if error is not None and number == last:
            contained(_fail, invocation.root, error)
        contained(bootstrap.tell_end, invocation, event, result, error is not None and number == last)


def _fail(root: Span, error: Any) -> None:
    """As the caller is told of it: a `FaultException` has type and message in the runtime's own words."""
    from coldlight_lambda import errors, masking

    kind = str(getattr(error, "exception_type", "") or errors.type_name(error))
    said = masking.text(str(getattr(error, "msg", "") or errors.message(error)))
    root.add_event(time.time_ns(), "exception", {"exception.type": kind, "exception.message": said})
    root.set({"error.type": kind})
    root.fail(said)
