"""A disk that forgets what was not synced, as disks do when the power fails."""

import os
import shutil
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

Listing = dict[str, int]


class ForgetfulDisk:
    """A folder, and what of it a loss of power would leave: synced contents under synced names.

    Files are known by their inode: a name says nothing until its folder was synced, bytes nothing until their file was.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._contents: dict[int, bytes] = {}
        self._held = ExitStack()  # a removed file's inode must not be given to another one
        self._listings: dict[int, Listing] = {folder.stat().st_ino: {}}
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._noting(getattr(os, name)))

    def _noting(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        def noted(descriptor: int) -> None:
            sync(descriptor)
            self._note(Path(f"/proc/self/fd/{descriptor}"))

        return noted

    def _note(self, opened: Path) -> None:
        status = opened.stat()
        if stat.S_ISDIR(status.st_mode):
            self._listings[status.st_ino] = {path.name: path.stat().st_ino for path in opened.iterdir()}
        else:
            self._contents[status.st_ino] = self._held.enter_context(opened.open("rb")).read()

    def lose_power(self) -> None:
        """Leaves what was synced, and nothing else."""
        left = self._left(self.folder.stat().st_ino, Path())
        self._contents, self._listings = {}, {}
        self._held.close()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        for path, content in left.items():
            where = self.folder / path
            if content is None:
                where.mkdir()
            else:
                where.write_bytes(content)
                self._note(where)
        for folder in [
            self.folder,
            *(self.folder / path for path, content in left.items() if content is None),
        ]:
            self._note(folder)

    def close(self) -> None:
        """Lets go of the files."""
        self._held.close()

    def _left(self, folder: int, at: Path) -> dict[Path, bytes | None]:
        """By path, the content of each file; of a folder, which comes before its own, None."""
        found: dict[Path, bytes | None] = {}
        for name, inode in self._listings.get(folder, {}).items():
            if inode in self._listings or (inode not in self._contents and self._was_folder(at / name)):
                found[at / name] = None
                found |= self._left(inode, at / name)
            else:
                found[at / name] = self._contents.get(inode, b"")
        return found

    def _was_folder(self, path: Path) -> bool:
        return (self.folder / path).is_dir()
