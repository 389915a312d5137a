"""`coldlight journal`: a person looks at what the collector holds, and gives back what ClickHouse refused."""

from pathlib import Path

import pytest
from tests.collector.journals import NEVER_BY_ITSELF, crash, running
from typer.testing import CliRunner

from coldlight_cli import terminal
from coldlight_cli.main import app
from coldlight_collector.intake import Payload
from coldlight_collector.journal import Journal
from coldlight_storage import Signal
from coldlight_storage.folder_lock import lock_folder
from coldlight_storage.testing import span, stored_form, traces_request

A_SPAN = Payload(stored_form(traces_request(span(1, name="checkout"))), 1)
NO_REQUEST = Payload(b"\xff\xff no protobuf at all", 1)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.console, "width", 300)


def coldlight(*words: str | Path) -> str:
    """What the command prints, in one line. It must succeed."""
    result = CliRunner().invoke(app, ["journal", *map(str, words)])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def failure(*words: str | Path) -> str:
    result = CliRunner().invoke(app, ["journal", *map(str, words)])
    assert result.exit_code == 1
    return " ".join(result.output.split())


async def quarantined(data: Path) -> Path:
    """A file of two requests that ClickHouse has refused."""
    await crash(data / "journal", A_SPAN, NO_REQUEST)
    [left] = (data / "journal/traces").glob("*.open")
    return left.rename(left.with_suffix(".rejected"))


def test_an_empty_journal_says_what_that_means(tmp_path: Path) -> None:
    assert "all that was acknowledged is in ClickHouse" in coldlight("list", "--data", tmp_path)


async def test_a_list_shows_what_waits_and_what_is_quarantined(tmp_path: Path) -> None:
    file = await quarantined(tmp_path)
    async with running(tmp_path / "journal") as journal:
        await journal.append(Signal.LOGS, Payload(b"a log record", 3))
        shown = coldlight("list", "--data", tmp_path)
    assert f"quarantined: ClickHouse refuses it {file}" in shown
    assert "1 3 " in shown
    assert "open: requests are being added" in shown


async def test_a_torn_file_is_told(tmp_path: Path) -> None:
    file = await quarantined(tmp_path)
    with file.open("ab") as opened:
        opened.write(b"half a request")
    assert "ClickHouse refuses it, torn" in coldlight("list", "--data", tmp_path)


async def test_inspecting_shows_every_request_and_why_one_cannot_be_read(tmp_path: Path) -> None:
    shown = coldlight("inspect", await quarantined(tmp_path))
    assert "1 items" in shown
    assert "readable" in shown
    assert "no protobuf request" in shown


async def test_a_request_is_shown_whole(tmp_path: Path) -> None:
    assert 'name: "checkout"' in coldlight("inspect", await quarantined(tmp_path), "--request", "0")


async def test_a_request_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "has no request 7" in failure("inspect", await quarantined(tmp_path), "--request", "7")


def test_a_file_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear all")
    assert "is no file of a journal" in failure("inspect", tmp_path / "letter.txt")
    assert "is not quarantined" in failure("replay", tmp_path / "letter.txt")


async def test_what_is_replayed_is_the_next_start_s_to_insert(tmp_path: Path) -> None:
    file = await quarantined(tmp_path)
    held = file.read_bytes()
    assert "is inserted at the next start" in coldlight("replay", file)
    journal = Journal(tmp_path / "journal", NEVER_BY_ITSELF)
    segment = journal.sealed.get_nowait()
    assert segment.path.read_bytes() == held
    assert segment.number > int(file.stem)


async def test_while_a_collector_runs_nothing_is_replayed(tmp_path: Path) -> None:
    file = await quarantined(tmp_path)
    with lock_folder(tmp_path / "journal"):
        assert "stop that one" in failure("replay", file)
    assert file.exists()


@pytest.mark.parametrize("command", ["list", "inspect", "replay"])
def test_help_says_what_a_command_does(command: str) -> None:
    assert "journal" in coldlight(command, "--help")
