"""What the `coldlight` command says to somebody who has just met it, and the demo."""

import re
from pathlib import Path

import pytest
from tests.system.processes import HTTP, Service, coldlight, eventually

from coldlight_storage import __version__


def test_help_shows_where_to_begin(tmp_path: Path) -> None:
    done = coldlight("--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "Begin with coldlight up, then, in a second terminal, coldlight demo" in done.stdout
    for command in ("up", "collector", "query", "migrate", "demo"):
        assert re.search(rf"^\W+{command} +[A-Z]", done.stdout, re.MULTILINE)


def test_help_of_up_shows_where_senders_point_and_what_can_be_set(tmp_path: Path) -> None:
    done = coldlight("up", "--help", cwd=tmp_path)
    assert done.returncode == 0
    for text in (
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318",
        "--clickhouse",
        "--data",
        "COLDLIGHT_OTLP_HTTP_PORT",
        "[default: 4318]",
        "[default: 4317]",
        "[default: 4319]",
        "what was acknowledged is kept",
    ):
        assert text in " ".join(done.stdout.split())


def test_version_is_told(tmp_path: Path) -> None:
    done = coldlight("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"coldlight {__version__}\n")


@pytest.mark.parametrize("command", ["collector", "query"])
def test_a_service_alone_asks_for_a_server_and_names_the_other_way(tmp_path: Path, command: str) -> None:
    done = coldlight(command, cwd=tmp_path)
    assert done.returncode == 1
    assert f"coldlight {command}` needs a ClickHouse server: --clickhouse http://" in done.stderr
    assert "coldlight up" in done.stderr


def test_the_demo_prints_links_that_work(up: Service, tmp_path: Path) -> None:
    flags = ("--endpoint", up.otlp_http, "--query-url", up.query, "--requests", "5")
    done = coldlight("demo", *flags, cwd=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    links = re.findall(r"https?://\S+", done.stdout)
    assert len(links) >= 3
    for link in links:
        eventually(lambda link=link: HTTP.get(link).status_code == 200, link)  # type: ignore[misc]


def test_the_demo_without_a_service_says_how_to_start_one(tmp_path: Path) -> None:
    done = coldlight("demo", "--endpoint", "http://127.0.0.1:1", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("start Coldlight with `coldlight up`")
    assert "Traceback" not in done.stderr
