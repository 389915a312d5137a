"""The Coldlight layer for AWS Lambda functions: standard library only, it imports nothing of the server.

Three ways in: the wrapper script of the layer (`AWS_LAMBDA_EXEC_WRAPPER=/opt/coldlight`), `coldlight_lambda.handler` as the
function's handler with the real one in `COLDLIGHT_HANDLER`, or the decorator `coldlight_lambda.traced`.
"""

from __future__ import annotations

from coldlight_lambda import bytecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__version__ = "0.1.0"
bytecode.use(__path__)


def traced(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Records the invocations of a handler: for those who can set neither wrapper nor handler."""
    from coldlight_lambda.layer import wrapped

    return wrapped(handler)


def __getattr__(name: str) -> Any:
    """`coldlight_lambda.handler`: loads the function's own handler when the runtime asks for it, and not before."""
    if name == "handler":
        from coldlight_lambda.layer import load_handler

        return load_handler()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
