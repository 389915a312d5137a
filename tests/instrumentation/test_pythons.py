"""The layer on every Python that AWS Lambda offers, as far as this machine has them."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.functions import HANDLERS, HERE, INSTRUMENTATION
from tests.instrumentation.lambda_api.handler_names import EVERY
from tests.instrumentation.lambda_api.sandbox import Sandbox

SandboxOf = Callable[..., Sandbox]
MODULES = sorted(
    ".".join(path.relative_to(INSTRUMENTATION).with_suffix("").parts)
    for path in (INSTRUMENTATION / "coldlight_lambda").rglob("*.py")
    if path.name != "__init__.py"
)
IMPORTS = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:  # what a patch is for need not be here, but the module has been compiled
        if error.name.partition(".")[0] != "opentelemetry":
            print(name, error)
"""
STACKS = """
import json, os, sys, traceback
os.environ["COLDLIGHT_ENDPOINT"] = "http://127.0.0.1:9"
os.environ["COLDLIGHT_PORT"] = "9"
sys.path.insert(0, sys.argv[1])
import coldlight_lambda

def handler(event, context):
    return deeper(event)

def deeper(event):
    return {}[event]

def stack(handler):
    try:
        handler("x", None)
    except KeyError as error:
        frames = [(frame.filename, frame.name) for frame in traceback.extract_tb(error.__traceback__)[1:]]
        while frames[0][0].endswith("/bootstrap.py"):  # as AWS's runtime client does
            del frames[0]
        return frames

print(json.dumps([stack(handler), stack(coldlight_lambda.traced(handler))]))
"""


@pytest.fixture(params=[9, 10, 11, 12, 13, 14], ids="3.{}".format)
def python(request: pytest.FixtureRequest) -> str:
    """One that is on the PATH, or that pyenv has installed."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [
        *installed.glob(f"3.{request.param}.*/bin/python3"),
        shutil.which(f"python3.{request.param}"),
    ]
    for candidate in filter(None, candidates):
        if found := _run(str(candidate), "import sys; print(sys.executable)", check=False).strip():
            return found
    pytest.skip("not on this machine")


def _run(python: str, script: str, *arguments: str, check: bool = True) -> str:
    command = [python, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60).stdout


def test_every_module_can_be_imported(python: str) -> None:
    assert _run(python, IMPORTS, str(INSTRUMENTATION), *MODULES) == ""


def test_a_stack_has_no_frames_of_the_layer(python: str) -> None:
    bare, layered = json.loads(_run(python, STACKS, str(INSTRUMENTATION)))
    assert len(bare) == 2
    assert layered == bare


def test_the_shipper_runs(python: str, sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.logs", shipper_python=python)
    sandbox.invoke("x")
    sandbox.shutdown()
    assert len(collector.spans()) == 1
    assert len(collector.logs()) == 8
    assert sandbox.printed == []


def test_every_handler_does_what_it_does_without_the_layer_whatever_breaks(python: str) -> None:
    bare, layered = [_in_process(python, way) for way in ("bare", "layer")]
    assert layered == bare
    assert len(bare["outcomes"]) > 100


def _in_process(python: str, way: str) -> Any:
    folders = (INSTRUMENTATION.parent, INSTRUMENTATION, HANDLERS)
    done = subprocess.run(
        [python, "-B", "-W", "ignore", HERE / "in_process.py", way, *EVERY],
        env={"PYTHONPATH": os.pathsep.join(map(str, folders)), "LANG": "C.UTF-8", "_HANDLER": "app.echo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
