"""How a function is set up: its handler, its variables, and the folder /opt with the layer in it."""

import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.instrumentation.lambda_api.api import SCHEMAS

HERE = Path(__file__).parent
INSTRUMENTATION = HERE.parents[2] / "instrumentation"
HANDLERS = HERE / "handlers"
NAME, ACCOUNT, REGION = "orders", "123456789012", "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{NAME}"
_NOT_FOR_EXTENSIONS = (
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
)


@dataclass
class Function:
    """How a function is set up. Without `layer`, as it was before it had one."""

    handler: str
    environment: dict[str, str] = field(default_factory=dict)
    layer: bool = True
    wrapper: bool = True
    timeout_s: float = 30.0
    memory_mb: int = 0
    log_format: str = "Text"
    has_telemetry: bool = True
    schemas: tuple[str, ...] = SCHEMAS
    managed: bool = False
    """A Managed Instance: it is not frozen, and its extensions are told of the end alone."""
    workers: int = 0
    """How many processes a Managed Instance's runtime forks, each for one invocation at a time; 0 is the runtime alone."""
    task_root: Path = HANDLERS
    runtime: str = "bootstrap.py"
    """Of var_runtime: `several/bootstrap.py` runs many handlers."""
    shipper_python: str = sys.executable


def make_opt(function: Function, folder: Path) -> Path:
    """The folder /opt of a function with the layer; and beside what is there, the Python that its shipper finds."""
    opt = folder / "opt"
    (opt / "python").mkdir(parents=True)
    (opt / "python" / "coldlight_lambda").symlink_to(INSTRUMENTATION / "coldlight_lambda")
    (opt / "coldlight").symlink_to(INSTRUMENTATION / "layer" / "coldlight")
    (opt / "extensions").mkdir()
    (opt / "extensions" / "coldlight").symlink_to(INSTRUMENTATION / "layer" / "extensions" / "coldlight")
    (opt / "bin").mkdir()
    (opt / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{function.shipper_python}" "$@"\n')
    (opt / "bin" / "python3").chmod(0o755)
    return opt


def environment(
    function: Function, runtime_api: str, opt: Path, port: int, is_extension: bool
) -> dict[str, str]:
    """Of the runtime's process, or of an extension's, which knows less. `port` is what recorder and shipper share."""
    own = {
        "PATH": f"{opt / 'bin'}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.task_root),
        "OPT_PYTHON": str(opt / "python"),
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb or 512),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{NAME}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_LOG_FORMAT": function.log_format,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances" if function.managed else "on-demand",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "COLDLIGHT_PORT": str(port),
        **function.environment,
    }
    if function.workers:
        own["AWS_LAMBDA_MAX_CONCURRENCY"] = str(function.workers)
    if function.wrapper:
        own["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/coldlight"
    return {name: text for name, text in own.items() if not (is_extension and name in _NOT_FOR_EXTENSIONS)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
