"""One process a folder: a lock that ends with its process, however that ends."""

import fcntl
import os
from io import TextIOWrapper
from pathlib import Path

from coldlight_storage.store import DataFolderInUse


def lock_folder(folder: Path) -> TextIOWrapper:
    """Creates the folder if need be and takes it for this process, until the returned file is closed.

    Raises `DataFolderInUse`, which names the process that holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "coldlight.pid").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise DataFolderInUse(
            f"{folder} is in use by another Coldlight, process {holder}: stop that one (kill {holder}), "
            "or give this one a folder of its own with --data"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
