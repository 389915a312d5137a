"""The Pythons of this machine, by their version: from PATH, pyenv and uv."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

RUNTIMES = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""Those of AWS Lambda that the layer runs on."""


def find(version: str) -> Path | None:
    """A CPython of this version; None if the machine has none."""
    return next((python for python in _candidates(version) if _is_of(python, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    yield from sorted(uv.glob(f"cpython-{version}.*/bin/python{version}"))
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)


def _is_of(python: Path, version: str) -> bool:
    script = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-ISc", script], capture_output=True, text=True, check=False)
    return answer.stdout.split() == ["cpython", version]
