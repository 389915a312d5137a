"""Loss of power: what was not synced is gone, in the journal and in ClickHouse's folder.

The process that is to suffer notes what it syncs (`record`); when it is dead, `lose_power` leaves that and nothing else.

Of the journal, each sync of a file notes its length (nothing in it is ever written twice), each sync of a folder its
names; every file is held by a second name, so that one that was removed can come back. Of ClickHouse's folder a copy is
kept as of the last sync; its parts never change, so they are links.
"""

import errno
import json
import os
import random
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from coldlight_storage import EmbeddedStore

_PART = re.compile(r"\w+_\d+_\d+_\d+(_\d+)?")
_INSERTED = re.compile(r"\w+_(\d+)_\1_0")
"""A part that is as it was inserted: no merge has made it."""
_UNFINISHED = ("tmp", "delete_tmp", "moving")
_LINKING = ".linking"
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Disk:
    """The folder `root` is on the file system that is broken; `beside` is on one that never is."""

    root: Path
    beside: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def journal(self) -> Path:
        return self.data / "journal"

    @property
    def clickhouse(self) -> Path:
        return self.data / "clickhouse"

    @property
    def held(self) -> Path:
        return self.root / "held"

    @property
    def synced(self) -> Path:
        """ClickHouse's folder as of the last sync."""
        return self.root / "synced"

    @property
    def dropped(self) -> Path:
        """Parts that a failed sync has cost, though they are still shown."""
        return self.beside / "dropped"

    @property
    def notes(self) -> Path:
        """Lines of JSON, one for each sync in the journal."""
        return self.beside / "notes"

    @property
    def strikes(self) -> int:
        """How often a fault struck on it."""
        return self._strikes.stat().st_size if self._strikes.exists() else 0

    def struck(self) -> None:
        """Counts a fault, in whatever process."""
        with self._strikes.open("a") as file:
            file.write(".")

    @property
    def _strikes(self) -> Path:
        return self.beside / "strikes"


def record(disk: Disk, chance: random.Random, fails: bool) -> None:
    """Notes in this process what is synced. With `fails`, half of the syncs of ClickHouse's folder do."""
    disk.held.mkdir(parents=True, exist_ok=True)
    notes = os.open(disk.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for name in ("fsync", "fdatasync"):
        setattr(os, name, _noted(getattr(os, name), disk, notes))
    sync = EmbeddedStore.sync

    def mirrored(store: EmbeddedStore) -> None:
        if fails and chance.random() < 0.5:
            _drop(disk)
            disk.struck()
            raise OSError(errno.EIO, "the soak wants it so")
        mirror(
            disk.clickhouse, disk.synced, _dropped(disk)
        )  # before, for what comes meanwhile is not promised
        sync(store)

    EmbeddedStore.sync = mirrored  # type: ignore[method-assign, assignment]


def _noted(sync: Callable[[int], None], disk: Disk, notes: int) -> Callable[[int], None]:
    def noted(descriptor: int) -> None:
        with _ONE_AT_A_TIME:
            seen = _seen(descriptor, disk)  # before, for what comes meanwhile is not promised
            sync(descriptor)
            if seen:
                os.write(notes, json.dumps(seen).encode() + b"\n")

    return noted


def _seen(descriptor: int, disk: Disk) -> dict[str, object] | None:
    path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
    if not path.is_relative_to(disk.journal):
        return None
    status = os.fstat(descriptor)
    if not stat.S_ISDIR(status.st_mode):
        _hold(path, disk)
        return {"inode": status.st_ino, "size": status.st_size}
    names = {entry.name: entry.inode() for entry in os.scandir(path) if entry.is_file()}
    for name in names:
        _hold(path / name, disk)
    return {"folder": str(path.relative_to(disk.journal)), "names": names}


def _hold(path: Path, disk: Disk) -> None:
    # Held already, or renamed in this very moment: then it is held by the sync of its folder.
    with suppress(FileExistsError, FileNotFoundError):
        os.link(path, disk.held / str(path.stat().st_ino))


def _drop(disk: Disk) -> None:
    """What the system could not write it lets go of; a merge that has read it before has written it elsewhere."""
    with disk.dropped.open("a") as file:
        for part in _parts(disk.clickhouse):
            if (
                _INSERTED.fullmatch(part.name)
                and not (disk.synced / part.relative_to(disk.clickhouse)).exists()
            ):
                file.write(f"{part.relative_to(disk.clickhouse)}\n")


def _dropped(disk: Disk) -> frozenset[Path]:
    names = disk.dropped.read_text().split("\n") if disk.dropped.exists() else []
    return frozenset(disk.synced / name for name in names if name)


def _parts(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if _PART.fullmatch(entry.name):
                yield Path(entry.path)
            else:
                yield from _parts(Path(entry.path))


def mirror(source: Path, copy: Path, without: frozenset[Path] = frozenset()) -> None:
    """Makes a folder of ClickHouse's like another, by as little work as it takes. Either may be at work meanwhile.

    What is new comes before what is old goes, so that a copy that is cut short lacks nothing.
    """
    copy.mkdir(exist_ok=True)
    there = {entry.name: entry for entry in os.scandir(source) if _is_finished(entry.name)}
    for name, entry in there.items():
        with suppress(FileNotFoundError, shutil.Error):  # it went meanwhile
            _copy(entry, copy / name, without)
    for entry in os.scandir(copy):
        if entry.name not in there:
            shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)


def _is_finished(name: str) -> bool:
    return not name.startswith(_UNFINISHED) and not name.endswith(_LINKING)


def _copy(entry: "os.DirEntry[str]", target: Path, without: frozenset[Path]) -> None:
    if entry.is_symlink():
        if not target.is_symlink():
            target.symlink_to(os.readlink(entry.path))
    elif not entry.is_dir():
        if not target.exists() or _stamp(target.stat()) != _stamp(entry.stat()):
            new = target.with_name(target.name + _LINKING)
            shutil.copy2(entry.path, new)
            new.rename(target)
    elif not _PART.fullmatch(entry.name):
        mirror(Path(entry.path), target, without)
    elif target not in without and not target.exists():
        new = target.with_name(target.name + _LINKING)
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(entry.path, new, copy_function=os.link)
        new.rename(target)


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def lose_power(disk: Disk, chance: random.Random) -> None:
    """Leaves of a dead process's disk what it has synced; ClickHouse's rows may have come through all the same."""
    _restore_journal(disk, keeps_removals=chance.random() < 0.5)
    if chance.random() < 0.5:
        _lose_logs(disk)
    elif disk.clickhouse.exists():
        disk.synced.mkdir(exist_ok=True)
        mirror(disk.synced, disk.clickhouse)
    disk.dropped.unlink(missing_ok=True)


def _lose_logs(disk: Disk) -> None:
    """The rows are there, and ClickHouse does not know that it has them."""
    for log in disk.clickhouse.rglob("deduplication_log_*.txt"):
        synced = disk.synced / log.relative_to(disk.clickhouse)
        log.write_bytes(synced.read_bytes() if synced.exists() else b"")


def _restore_journal(disk: Disk, keeps_removals: bool) -> None:
    """With `keeps_removals` what was removed stays so: a disk may do more than it was asked to."""
    sizes: dict[int, int] = {}
    folders: dict[str, dict[str, int]] = {}
    for line in disk.notes.read_text().splitlines() if disk.notes.exists() else ():
        note = json.loads(line)
        if "folder" in note:
            folders[note["folder"]] = note["names"]
        else:
            sizes[note["inode"]] = note["size"]
    left = {Path(folder, name): inode for folder, names in folders.items() for name, inode in names.items()}
    there = [path for path in disk.journal.rglob("*") if path.is_file()]
    if keeps_removals:
        inodes = {path.stat().st_ino for path in there}
        left = {path: inode for path, inode in left.items() if inode in inodes}
    for path in there:
        if path.name != "lock":
            path.unlink()
    for path, inode in left.items():
        held = disk.held / str(inode)
        if path.name != "lock":
            os.truncate(held, sizes.get(inode, 0))
            os.link(held, disk.journal / path)
    _note_what_is_left(disk, left, sizes)


def _note_what_is_left(disk: Disk, left: dict[Path, int], sizes: dict[int, int]) -> None:
    kept = {str(inode) for inode in left.values()}
    for held in disk.held.iterdir():
        if held.name not in kept:
            held.unlink()
    folders: dict[str, dict[str, int]] = {}
    for path, inode in left.items():
        folders.setdefault(str(path.parent), {})[path.name] = inode
    notes = [{"folder": folder, "names": names} for folder, names in folders.items()]
    lines = [*notes, *({"inode": inode, "size": sizes.get(inode, 0)} for inode in left.values())]
    disk.notes.write_text("".join(json.dumps(line) + "\n" for line in lines))
