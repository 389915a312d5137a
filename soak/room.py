"""A disk that can be full: a small file system in memory, in a room of this process's own that goes with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from benchmarks.processes import wait_until

_INSIDE = "SOAK_ROOM"
_ROOM = ["unshare", "--map-root-user", "--mount"]
_SIZE = "4G"
_FIT_S = 30


def enter() -> bool:
    """Starts this program anew where it may mount what it likes, if the system allows that; whether it is there."""
    if os.environ.get(_INSIDE):
        return True
    try:
        subprocess.run([*_ROOM, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return _start_inside()


def _start_inside() -> NoReturn:
    command = [*_ROOM, sys.executable, "-m", "soak", *sys.argv[1:]]
    os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})


def mount(folder: Path) -> None:
    """Puts a file system of its own into a folder. Raises CalledProcessError."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={_SIZE}", "soak", str(folder))


def unmount(folder: Path) -> None:
    """Raises CalledProcessError."""
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """For the length of the block there is no room in the file system at `folder`."""
    wait_until(lambda: _fit(folder), _FIT_S, f"{folder} cannot be made as small as what is in it", 0)
    try:
        yield
    finally:
        _resize(folder, _SIZE)


def _fit(folder: Path) -> bool:
    """Whether the file system is as small as what is in it now; what was free a moment ago may be in use already."""
    status = os.statvfs(folder)
    used = (status.f_blocks - status.f_bfree) * status.f_frsize
    try:
        _resize(folder, str(used))
    except subprocess.CalledProcessError:
        return False
    return True


def _resize(folder: Path, size: str) -> None:
    _mount("-o", f"remount,size={size}", str(folder))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
