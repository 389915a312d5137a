"""The zip itself, with nothing in it of the machine that wrote it."""

import base64
import hashlib
import json
import stat
import subprocess
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "coldlight_lambda"
SCRIPTS = HERE.parent / "layer"

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SAMPLE = (
    b"".join(hashlib.sha256(bytes([number])).hexdigest().encode() + b" layer\n" for number in range(256)) * 3
)
_SAMPLE_SHA256 = "df2d7af850397e96d82abf265f22ba6dd18a4544c1d524f6dec8233a72fc8e3b"
"""What zlib makes of the sample. zlib-ng and others, which some Pythons have in its place, compress otherwise."""


class CannotBuild(Exception):
    """The machine lacks what the zip is made with; the message says what."""


def files(pythons: Iterable[Path]) -> dict[str, tuple[bytes, bool]]:
    """Everything in the zip: its bytes, and whether it is to be executed (AWS Lambda, "Packaging layers" and "Extensions API")."""
    found = {
        f"python/{path.relative_to(PACKAGE.parent).as_posix()}": (path.read_bytes(), False)
        for path in PACKAGE.rglob("*.py")
    }
    for python in pythons:
        found.update({f"python/{name}": (content, False) for name, content in bytecode(python).items()})
    for path in SCRIPTS.rglob("*"):
        if path.is_file():
            found[path.relative_to(SCRIPTS).as_posix()] = (path.read_bytes(), True)
    return found


def bytecode(python: Path) -> dict[str, bytes]:
    """What this Python compiles the layer to. Raises `CannotBuild` if it cannot."""
    command: list[str | Path] = [python, "-s", "-S", "-X", "no_debug_ranges", HERE / "bytecode.py", PACKAGE]
    done = subprocess.run(command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBuild(f"{python} does not compile the layer: {done.stderr.strip()}")
    return {name: base64.b64decode(content) for name, content in json.loads(done.stdout).items()}


def write(contents: Mapping[str, tuple[bytes, bool]], output: Path) -> None:
    """Writes the zip. Raises `CannotBuild` if this Python's zlib would make other bytes than the usual one."""
    if hashlib.sha256(zlib.compress(_SAMPLE, 9)).hexdigest() != _SAMPLE_SHA256:
        raise CannotBuild(
            f"zlib {zlib.ZLIB_RUNTIME_VERSION} compresses otherwise than zlib 1.2 and 1.3: run this with another Python"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w") as archive:
        for name in sorted(contents):
            content, is_executable = contents[name]
            archive.writestr(_entry(name, is_executable), content, zipfile.ZIP_DEFLATED, 9)


def _entry(name: str, is_executable: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # Unix, whatever this is: it gives the permissions their meaning
    entry.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
    return entry
