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
        from coldlight_lambda.layer import as_its_own, load_handler

        try:
            return load_handler()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it goes on to the runtime
            raise as_its_own(error) from None
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# The runtime leaves frames of files `bootstrap.py` out of the front of a stack: so it does with this one.
__getattr__.__code__ = __getattr__.__code__.replace(co_filename=__file__.replace("__init__", "bootstrap"))
