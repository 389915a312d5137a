"""A PostgreSQL server of the tests' own, where one is installed: for the state, and for functions that call one."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NO_POSTGRESQL = "no PostgreSQL server is installed: initdb is neither on PATH nor in /usr/lib/postgresql"
USER, DATABASE = "shop", "postgres"


def postgresql_programs() -> Path | None:
    """The folder of `initdb` and `postgres`."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@contextmanager
def postgresql(programs: Path) -> Iterator[int]:
    """A PostgreSQL server that lets in everybody; its port on 127.0.0.1."""
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        if user:
            shutil.chown(folder, user)
        port, data = free.getsockname()[1], f"{folder}/data"
        run = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(
            [programs / "initdb", "-D", data, "-A", "trust", "-N", "-U", USER],
            check=True,
            **run,  # type: ignore[call-overload]
        )
        free.close()
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control: list[Any] = [programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "start"], check=True, **run)  # type: ignore[call-overload]
        try:
            yield port
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, **run)  # type: ignore[call-overload]
