"""The real runtime client for many handlers in one process: each event has the name of its handler in a line before it.

A process for each would take minutes. Each handler is loaded anew by the runtime's own way, from an environment that names it where
the layer's wrapper, the function's settings or nobody else than Lambda (`_HANDLER`) named the first one.
"""

import os
import sys
from typing import Any

sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], os.environ["OPT_PYTHON"]]

import awslambdaric.bootstrap as runtime
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

LOADED = os.environ["_HANDLER"]
NAMED_BY = next(
    name for name in ("_COLDLIGHT_HANDLER", "COLDLIGHT_HANDLER", "_HANDLER") if name in os.environ
)
handle_event_request = runtime.handle_event_request


def handle(client: Any, _: Any, request_id: str, body: bytes, *others: Any) -> None:
    name, _, event = body.partition(b"\n")
    os.environ["_HANDLER"] = LOADED
    os.environ[NAMED_BY] = name.decode()
    try:
        handler = runtime._get_handler(os.environ["_HANDLER"])
    except runtime.FaultException as error:
        _refuse(client, request_id, runtime.make_error(error.msg, error.exception_type, error.trace))
    except Exception:  # noqa: BLE001 - as the runtime does
        _refuse(client, request_id, runtime.build_fault_result(sys.exc_info(), None))
    else:
        loaded = dict(sys.modules)
        handle_event_request(client, handler, request_id, event, *others)
        sys.modules.update(loaded)  # some forget modules, but none is loaded twice in its process


def _refuse(client: Any, request_id: str, error: Any) -> None:
    """As the runtime does when it cannot load a handler, though for this invocation alone."""
    client.post_invocation_error(request_id, runtime.to_json(error), "{}", None)


if __name__ == "__main__":
    runtime.handle_event_request = handle
    runtime.run(LOADED, LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"]))
