"""The layer's zip on every Python that this machine has of Lambda's."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from layer_build import archive, pythons

RUN = """
import json, pkgutil, sys, time
import coldlight_lambda
from coldlight_lambda import recorder
from coldlight_lambda.settings import Settings
import importlib
own = [m.name for m in pkgutil.walk_packages([sys.argv[1]], "coldlight_lambda.") if ".shipper" not in m.name]
for name in own:
    try:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    except ModuleNotFoundError as error:  # a patch imports the library that it is for, which is not here
        if error.name.startswith("coldlight"):
            raise
from coldlight_lambda import bootstrap, errors, near_timeout, payloads
chosen = Settings({"COLDLIGHT_ENDPOINT": "http://127.0.0.1:1", "COLDLIGHT_PAYLOADS": "on", "COLDLIGHT_LOCALS": "1"})
for part in (errors, near_timeout, payloads):
    part.set_up(chosen)

class Sink:
    sent = []
    def send(self, kind, request_id, content):
        self.sent.append((kind.decode(), request_id, content))

class Context:
    aws_request_id, function_name, invoked_function_arn = "r-1", "orders", "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    def get_remaining_time_in_millis(self):
        return 3000

def handler(event, context):
    span = recorder.start("step", 3)
    recorder.announce(span)
    recorder.end(span)
    if event.get("fail"):
        raise ValueError("declined")
    return {"password": "hunter2", "n": 1}

recorder.sink = Sink()
recorded = bootstrap.wrap(handler)
answer = recorded({"n": 1}, Context())
try:
    recorded({"fail": True}, Context())
except ValueError:
    pass
print(json.dumps({
    "answer": answer, "kinds": [kind for kind, _, _ in Sink.sent], "file": bootstrap.__file__,
    "masked": b'{"password":"***","n":1}' in Sink.sent[3][2] and b"hunter2" not in Sink.sent[3][2],
    "error": b"declined" in Sink.sent[7][2], "loader": type(bootstrap.__spec__.loader).__name__, "line": bootstrap.wrap.__code__.co_filename,
}))
"""


@pytest.fixture(scope="module", params=pythons.RUNTIMES)
def python(request: pytest.FixtureRequest) -> Path:
    found = pythons.find(request.param)
    if found is None:
        pytest.skip(f"this machine has no Python {request.param}")
    return found


@pytest.mark.parametrize("with_bytecode", [True, False], ids=["bytecode", "sources"])
def test_an_invocation_is_recorded(python: Path, with_bytecode: bool, tmp_path: Path) -> None:
    archive.write(archive.files([python] if with_bytecode else []), tmp_path / "layer.zip")
    with zipfile.ZipFile(tmp_path / "layer.zip") as layer:
        layer.extractall(tmp_path)
    folder = tmp_path / "python"
    command: list[str | Path] = [python, "-B", "-W", "error", "-c", RUN, folder / "coldlight_lambda"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    place = f"{folder}/coldlight_lambda/bootstrap.py"
    assert json.loads(done.stdout) == {
        "answer": {"password": "hunter2", "n": 1},
        "kinds": ["S", "O", "P", "E", "S", "O", "P", "E"],
        "masked": True,
        "error": True,
        "loader": "Compiled" if with_bytecode else "SourceFileLoader",
        "file": place,
        "line": place,
    }


def test_bytecode_of_another_python_is_not_used(python: Path, tmp_path: Path) -> None:
    folder = tmp_path / "package" / "coldlight_lambda"
    for name, (content, _) in archive.files([]).items():
        path = tmp_path / name.replace("python/", "package/", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "compiled").mkdir()
    script = "import sys; print(sys.implementation.cache_tag)"
    tag = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    (folder / "compiled" / tag).write_bytes(b"other" * 100)
    script = "import coldlight_lambda.frames as f; print(type(f.__spec__.loader).__name__)"
    done = subprocess.run(
        [python, "-B", "-c", script],
        env={"PYTHONPATH": str(folder.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "SourceFileLoader"
