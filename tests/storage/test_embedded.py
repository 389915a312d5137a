"""Embedded ClickHouse is a good guest: alone in its folder, within its memory, and none the worse for a kill.

One process can have one folder open, and other tests have theirs, so each of these has processes of its own.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coldlight_storage import DataFolderInUse, EmbeddedStore
from coldlight_storage.folder_lock import lock_folder

START = """
import sys
from pathlib import Path
from coldlight_storage import DataFolderInUse, EmbeddedStore, QueryLimits, QueryTooLarge, QueryTooLong
from coldlight_storage.migrations import migrate
from coldlight_storage.testing import batch, span, traces_request

folder = Path(sys.argv[1])
made = lambda: batch(folder, [traces_request(span(1), span(2)), traces_request(span(3))])
count = lambda store: store.select("SELECT count() AS n FROM otel_traces")[0]["n"]
"""
HOLD = """
store = EmbeddedStore(folder / "data", 1 << 30)
migrate(store)
store.insert(made())
print(count(store), flush=True)
sys.stdin.read()
"""
OPEN = """
try:
    EmbeddedStore(folder / "data", 1 << 30)
except DataFolderInUse as error:
    print(error)
"""
OPEN_AND_INSERT_AGAIN = """
for _ in range(2):
    store = EmbeddedStore(folder / "data", 1 << 30)
    print(count(store))
    migrate(store)
    store.insert(made())
    print(count(store))
    store.close()
"""
LIMITS = """
def outcome(sql):
    try:
        return store.select(sql)
    except (QueryTooLarge, QueryTooLong) as error:
        return type(error).__name__

store = EmbeddedStore(folder / "data", 400 << 20, QueryLimits(time_s=1))
print(outcome("SELECT length(groupArray(number)) FROM numbers(100000000) SETTINGS max_execution_time = 60"))
print(outcome("SELECT count() FROM system.numbers"))
print(outcome("SELECT 1 AS one"))
store.close()
store = EmbeddedStore(folder / "data", 1 << 30, QueryLimits(memory_bytes=10 << 20))
print(outcome("SELECT length(groupArray(number)) FROM numbers(10000000)"))
store.close()
"""
IMPORTS = """
import sys
import coldlight_storage
print("chdb" in sys.modules)
"""


def run(program: str, folder: Path) -> str:
    """What a program on `folder` prints; it runs in a folder of its own, where nothing may be left behind."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    arguments = [sys.executable, "-W", "error", "-c", program, str(folder)]
    done = subprocess.run(arguments, check=False, cwd=elsewhere, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(elsewhere.iterdir()) == []
    return done.stdout.strip()


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has inserted a batch and holds the folder until it is killed."""
    arguments = [sys.executable, "-c", START + HOLD, str(folder)]
    with subprocess.Popen(
        arguments, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "3\n"
        yield process
        process.kill()


def test_a_second_process_is_told_who_holds_the_folder_and_after_a_kill_it_opens_with_its_data(
    tmp_path: Path,
) -> None:
    with holder(tmp_path) as process:
        assert f"process {process.pid}: stop that one (kill {process.pid})" in run(START + OPEN, tmp_path)
    assert process.returncode == -9
    assert run(START + OPEN_AND_INSERT_AGAIN, tmp_path).split() == ["3"] * 4


def test_neither_the_engine_nor_a_query_gets_more_than_its_limits(tmp_path: Path) -> None:
    assert run(START + LIMITS, tmp_path).splitlines() == [
        "QueryTooLarge",
        "QueryTooLong",
        "[{'one': 1}]",
        "QueryTooLarge",
    ]


def test_the_memory_cap_is_the_engine_s(embedded: EmbeddedStore) -> None:
    rows = embedded.select("SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'")
    assert rows == [{"value": str(2 << 30)}]


def test_the_engine_is_not_loaded_before_the_first_store(tmp_path: Path) -> None:
    """It takes 200 MB and forbids to fork."""
    assert run(IMPORTS, tmp_path) == "False"


def test_a_lock_ends_when_its_file_is_closed(tmp_path: Path) -> None:
    lock = lock_folder(tmp_path / "new" / "folder")
    with pytest.raises(DataFolderInUse, match="--data"):
        lock_folder(tmp_path / "new" / "folder")
    lock.close()
    lock_folder(tmp_path / "new" / "folder").close()


@pytest.mark.parametrize("name", ["a*", "b?", "{c}", "d{1..3}"])
def test_a_folder_that_clickhouse_reads_as_a_pattern_is_refused(tmp_path: Path, name: str) -> None:
    """It would insert nothing, and say nothing."""
    with pytest.raises(ValueError, match="choose another folder with --data"):
        EmbeddedStore(tmp_path / name, 1 << 30)
    assert not (tmp_path / name).exists()
