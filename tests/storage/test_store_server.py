"""A ClickHouse server that is away, hidden behind a proxy's error page, or cut off in the middle."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, BaseServer, ThreadingTCPServer

import pytest

from coldlight_storage import (
    QueryLimits,
    QueryTooLarge,
    QueryTooLong,
    ServerStore,
    StoreUnavailable,
    parse_address,
)
from coldlight_storage.server import ServerAddress
from coldlight_storage.testing import batch, span, traces_request


def test_an_address_has_every_part() -> None:
    assert parse_address("https://me:p%40ss@db.example:9443/traces") == ServerAddress(
        "db.example", 9443, True, "me", "p@ss", "traces"
    )


def test_an_address_needs_only_a_host() -> None:
    assert parse_address("http://db") == ServerAddress("db", 8123, False, "default", "", "default")
    assert parse_address("https://db/").port == 8443


@pytest.mark.parametrize("url", ["", "db:8123", "tcp://db:9000", "http://"])
def test_what_is_no_address_is_refused_with_the_form_of_one(url: str) -> None:
    with pytest.raises(ValueError, match=r"user:password@host:8123/database"):
        parse_address(url)


def test_an_address_does_not_show_its_password() -> None:
    assert "secret" not in repr(parse_address("http://me:secret@db"))


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def away(closed_port: int) -> ServerStore:
    return ServerStore(parse_address(f"http://127.0.0.1:{closed_port}/coldlight"))


CALLS: dict[str, Callable[[ServerStore, Path], object]] = {
    "select": lambda store, _: store.select("SELECT 1"),
    "command": lambda store, _: store.command("SYSTEM FLUSH LOGS"),
    "insert": lambda store, folder: store.insert(batch(folder, traces_request(span()))),
    "create_database": lambda store, _: store.create_database(),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away_is_unavailable(away: ServerStore, tmp_path: Path, call: str) -> None:
    with pytest.raises(StoreUnavailable):
        CALLS[call](away, tmp_path)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [404, 413, 500, 502, 503])
def test_a_proxy_s_error_page_is_not_clickhouse_s_answer(tmp_path: Path, status: int, call: str) -> None:
    """Were it taken for one, a good batch would be set aside for ever."""
    with error_page(status) as port, pytest.raises(StoreUnavailable):
        CALLS[call](ServerStore(parse_address(f"http://127.0.0.1:{port}/coldlight")), tmp_path)


@contextmanager
def error_page(status: int) -> Iterator[int]:
    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Page)) as port:
        yield port


@contextmanager
def served(server: BaseServer) -> Iterator[int]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server.server_address[1]  # type: ignore[misc, index]
        server.shutdown()
        thread.join()


UNLIMITED = 1 << 60


@dataclass
class Line:
    """A TCP line to a real server that is cut after so many bytes sent, or received."""

    host: str
    port: int
    to_send: int = UNLIMITED
    to_receive: int = UNLIMITED

    def carry(self, near: socket.socket) -> None:
        with socket.create_connection((self.host, self.port)) as far:
            back = threading.Thread(target=pump, args=[far, near, self._may_receive])
            back.start()
            pump(near, far, self._may_send)
            back.join()

    def _may_send(self, size: int) -> bool:
        self.to_send -= size
        return self.to_send >= 0

    def _may_receive(self, size: int) -> bool:
        self.to_receive -= size
        return self.to_receive >= 0


def pump(source: socket.socket, sink: socket.socket, may_pass: Callable[[int], bool]) -> None:
    """Carries bytes one way; whichever way ends first ends both."""
    with contextlib.suppress(OSError):
        while (data := source.recv(1 << 16)) and may_pass(len(data)):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(server: ServerStore) -> Iterator[tuple[Line, ServerStore]]:
    """A store that reaches the server through a line that can be cut."""
    address = server._address
    line = Line(address.host, address.port)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            line.carry(self.request)

    with served(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        store = ServerStore(parse_address(f"http://127.0.0.1:{port}/{address.database}"))
        store.command("TRUNCATE TABLE otel_traces")
        yield line, store
        store.close()


def count(store: ServerStore) -> int:
    return int(store.select("SELECT count() AS n FROM otel_traces")[0]["n"])


def test_an_insert_whose_body_is_cut_off_adds_nothing(
    line: tuple[Line, ServerStore], server: ServerStore, tmp_path: Path, number: int
) -> None:
    cable, store = line
    spans = [span(n + 1, attributes={"text": "x" * 1000}) for n in range(1000)]
    made = batch(tmp_path, [traces_request(one) for one in spans], number)
    cable.to_send = 600_000
    with pytest.raises(StoreUnavailable):
        store.insert(made)
    assert count(server) == 0
    server.insert(made)
    assert count(server) == 1000


def test_an_insert_whose_answer_is_lost_can_be_repeated(
    line: tuple[Line, ServerStore], server: ServerStore, tmp_path: Path, number: int
) -> None:
    cable, store = line
    made = batch(tmp_path, traces_request(span()), number)
    cable.to_receive = 0
    with pytest.raises(StoreUnavailable):
        store.insert(made)
    cable.to_receive = UNLIMITED
    store.insert(made)
    assert count(server) == 1


@pytest.mark.parametrize("received", [0, 1_000_000], ids=["before it", "in its middle"])
def test_a_select_whose_answer_is_cut_off_is_unavailable(
    line: tuple[Line, ServerStore], received: int
) -> None:
    cable, store = line
    store.select("SELECT 1")
    cable.to_receive = received
    with pytest.raises(StoreUnavailable):
        store.select("SELECT number FROM numbers(1000000)")
    cable.to_receive = UNLIMITED
    assert store.select("SELECT 1 AS one") == [{"one": 1}]


def test_a_server_s_store_has_its_own_limits(server: ServerStore) -> None:
    hurried = ServerStore(server._address, QueryLimits(time_s=0.1))
    with pytest.raises(QueryTooLong):
        hurried.select("SELECT count() FROM system.numbers")
    small = ServerStore(server._address, QueryLimits(memory_bytes=10_000_000))
    with pytest.raises(QueryTooLarge):
        small.select("SELECT groupArray(number) FROM numbers(10000000)")
    hurried.close()
    small.close()


def test_a_missing_database_is_not_the_batch_s_fault(server: ServerStore, tmp_path: Path) -> None:
    address = ServerAddress(**{**vars(server._address), "database": "coldlight_nowhere"})
    store = ServerStore(address)
    with pytest.raises(StoreUnavailable):
        store.insert(batch(tmp_path, traces_request(span())))
    store.close()
