"""Coldlight on a ClickHouse server: together and in parts, and while that server is away."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from soak.proxy import Break, Proxy, proxy
from tests.system.load import Load, sending, stored
from tests.system.processes import (
    ANY_PORTS,
    COLLECTOR_PORTS,
    HTTP,
    QUERY_PORTS,
    Service,
    coldlight,
    eventually,
    start,
)

from coldlight_storage import ServerStore, parse_address
from coldlight_storage.migrations import migrate
from coldlight_storage.testing import span, traces_request

SERVER = "COLDLIGHT_TEST_CLICKHOUSE_URL"
AWAY = "http://127.0.0.1:1/nowhere"
PORTS = {"up": ANY_PORTS, "collector": COLLECTOR_PORTS, "query": QUERY_PORTS, "migrate": ()}

_NUMBERS = count(1)


@dataclass(frozen=True)
class Database:
    """A database of its own for a test; `store` looks into it past Coldlight's services."""

    url: str
    store: ServerStore

    def through(self, proxy: Proxy) -> str:
        """Its URL by way of a proxy."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")).geturl()

    def span_ids(self, load: Load) -> list[str]:
        """One entry a row."""
        sql = "SELECT SpanId FROM otel_traces WHERE TraceId = {trace:String}"
        return [row["SpanId"] for row in self.store.select(sql, {"trace": load.trace_id})]


@pytest.fixture
def database() -> Iterator[Database]:
    server = os.environ.get(SERVER)
    if not server:
        pytest.skip(
            f"no ClickHouse server to test on: set {SERVER}=http://127.0.0.1:8123 to run this half, too"
        )
    name = f"coldlight_system_{os.getpid()}_{next(_NUMBERS)}"
    url = f"{server.rstrip('/')}/{name}"
    made = Database(url, ServerStore(parse_address(url)))
    yield made
    outside = ServerStore(parse_address(server))
    outside.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    outside.close()
    made.store.close()


@pytest.fixture
def clickhouse(database: Database) -> Iterator[Proxy]:
    """The way to the database, closed at first."""
    with proxy(urlsplit(database.url).port or 8123, is_open=False) as made:
        yield made


def assert_stored_once(up: Service, database: Database, load: Load) -> None:
    """All that was sent is in the table, a row each, and the journal is empty."""
    eventually(lambda: up.metric("coldlight_journal_bytes") == 0, "the journal to be empty")
    assert load.failures == []
    assert sorted(database.span_ids(load)) == sorted(load.sent)


def send_some(up: Service, spans: int = 500) -> Load:
    with sending(up) as load:
        eventually(lambda: len(load.acknowledged) >= spans, f"{spans} acknowledged spans")
    return load


def test_up_makes_a_fresh_database_and_stores_there(database: Database, tmp_path: Path) -> None:
    up = start("up", "--clickhouse", database.url, *PORTS["up"], folder=tmp_path)
    load = send_some(up)
    assert sorted(stored(up, load)) == sorted(load.sent)
    assert_stored_once(up, database, load)
    assert "  note " not in up.banner
    assert up.stop() == 0


def wrong(up: Service) -> list[str]:
    """What is wrong with a collector that serves."""
    answer = HTTP.get(f"{up.otlp_http}/readyz")
    assert answer.status_code == 200
    return [condition["what"] for condition in answer.json()["wrong"]]


def test_collector_and_query_work_as_processes_of_their_own(database: Database, tmp_path: Path) -> None:
    migrated = coldlight("migrate", "--clickhouse", database.url, cwd=tmp_path)
    assert (migrated.returncode, migrated.stdout) == (0, "The tables are up to date.\n")

    def run(command: str) -> Service:
        return start(command, "--clickhouse", database.url, *PORTS[command], folder=tmp_path / command)

    with ThreadPoolExecutor() as programs:
        collector, query = programs.map(run, ("collector", "query"))
    assert "Query API" not in collector.banner
    assert "OTLP" not in query.banner
    load = send_some(collector)
    assert sorted(stored(query, load)) == sorted(load.sent)
    assert (collector.stop(), query.stop()) == (0, 0)


def test_while_clickhouse_is_away_the_journal_keeps_what_arrives(
    database: Database, clickhouse: Proxy, tmp_path: Path
) -> None:
    up = start("up", "--clickhouse", database.through(clickhouse), *PORTS["up"], folder=tmp_path)
    assert "ClickHouse does not answer yet: what arrives is kept in the journal" in up.banner
    load = send_some(up)
    assert wrong(up) == ["clickhouse_unavailable"]
    unanswered = HTTP.get(f"{up.query}/api/v1/traces")
    assert (unanswered.status_code, unanswered.headers["content-type"]) == (503, "application/problem+json")
    assert HTTP.get(f"{up.query}/readyz").status_code == 503

    clickhouse.is_open = True
    assert sorted(stored(up, load)) == sorted(load.sent)
    assert_stored_once(up, database, load)
    assert wrong(up) == []
    assert up.stop() == 0
    assert "Traceback" not in up.log.read_text()


def test_inserts_that_are_cut_off_are_repeated_without_a_trace(
    database: Database, clickhouse: Proxy, tmp_path: Path
) -> None:
    clickhouse.is_open = True
    up = start("up", "--clickhouse", database.through(clickhouse), *PORTS["up"], folder=tmp_path)
    with sending(up) as load:
        clickhouse.breaks.extend([Break.REQUEST, Break.ANSWER] * 2)
        eventually(lambda: not clickhouse.breaks, "inserts that are cut off")
        eventually(lambda: len(load.acknowledged) >= 500, "500 acknowledged spans")
    assert_stored_once(up, database, load)
    assert up.metric("coldlight_insert_retries_total") >= 4
    assert up.metric("coldlight_rejected_batches_total") == 0
    assert up.stop() == 0


def test_a_full_journal_refuses_until_clickhouse_is_back(
    database: Database, clickhouse: Proxy, tmp_path: Path
) -> None:
    flags = ("--clickhouse", database.through(clickhouse), "--journal-limit", "100K")
    up = start("up", *flags, *PORTS["up"], folder=tmp_path)
    with sending(up) as load:
        eventually(lambda: len(load.failures) == 4, "every sender to be refused")
    assert all("503 Service Unavailable" in failure or "UNAVAILABLE" in failure for failure in load.failures)

    request = traces_request(*(span(number) for number in range(1, 1000))).SerializeToString()
    headers = {"Content-Type": "application/x-protobuf"}
    refusal = HTTP.post(f"{up.otlp_http}/v1/traces", content=request, headers=headers)
    assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "1")
    assert b"--journal-limit" in refusal.content

    clickhouse.is_open = True
    eventually(lambda: up.metric("coldlight_journal_bytes") == 0, "the journal to be empty")
    assert load.acknowledged
    assert sorted(database.span_ids(load)) == sorted(load.acknowledged)
    assert HTTP.post(f"{up.otlp_http}/v1/traces", content=request, headers=headers).status_code == 200
    assert up.stop() == 0


def make_newer(database: Database) -> None:
    """As a later Coldlight would leave the tables."""
    database.store.create_database()
    migrate(database.store)
    database.store.command("INSERT INTO coldlight_migrations (Number, Name) VALUES (9999, 'tomorrow')")


def test_tables_of_a_newer_coldlight_are_refused(database: Database, tmp_path: Path) -> None:
    make_newer(database)

    def run(command: str) -> tuple[int, str]:
        folder = tmp_path / command
        folder.mkdir()
        done = coldlight(command, "--clickhouse", database.url, *PORTS[command], cwd=folder)
        return done.returncode, done.stderr

    with ThreadPoolExecutor() as programs:
        for code, text in programs.map(run, ("up", "migrate")):
            assert code == 1
            assert text.startswith("error the tables are of a newer Coldlight (schema 9999;")
            assert "upgrade this program" in text


def test_tables_that_turn_out_to_be_newer_end_the_service_and_leave_the_journal(
    database: Database, clickhouse: Proxy, tmp_path: Path
) -> None:
    up = start("up", "--clickhouse", database.through(clickhouse), *PORTS["up"], folder=tmp_path)
    load = send_some(up)
    make_newer(database)
    clickhouse.is_open = True
    eventually(lambda: up.process.poll() is not None, "the service to end")
    assert up.stop() == 1
    assert "error the tables are of a newer Coldlight" in up.log.read_text()

    database.store.command("DELETE FROM coldlight_migrations WHERE Number = 9999")
    again = start("up", "--clickhouse", database.url, *PORTS["up"], folder=tmp_path)
    assert_stored_once(again, database, load)
    assert again.stop() == 0


def test_a_wrong_password_ends_the_start(database: Database, tmp_path: Path) -> None:
    wrong = database.url.replace("http://", "http://nobody:s3cr3t@")
    done = coldlight("up", "--clickhouse", wrong, *PORTS["up"], cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error ClickHouse refuses the user or password in --clickhouse")
    assert "s3cr3t" not in done.stderr


def test_a_query_service_alone_says_so_when_clickhouse_is_away(tmp_path: Path) -> None:
    query = start("query", "--clickhouse", AWAY, *PORTS["query"], folder=tmp_path)
    assert "ClickHouse does not answer yet: queries are refused (503) until it does" in query.banner
    assert HTTP.get(f"{query.query}/api/v1/traces").status_code == 503
    assert query.stop() == 0
