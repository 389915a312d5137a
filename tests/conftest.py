"""The store in both its forms, for every test that needs a ClickHouse."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import grpc.aio
import pytest
from hypothesis import HealthCheck, settings
from tests.postgresql import DATABASE, NO_POSTGRESQL, USER, postgresql, postgresql_programs

from coldlight_storage import EmbeddedStore, ServerStore, Store, parse_address
from coldlight_storage.migrations import migrate
from coldlight_storage.testing import Put

# How long an example takes says how busy the machine is. `pytest --hypothesis-profile=many` takes its time.
settings.register_profile("few", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("many", settings.get_profile("few"), max_examples=1000)
settings.load_profile("few")

SERVER = "COLDLIGHT_TEST_CLICKHOUSE_URL"
POSTGRESQL = "COLDLIGHT_TEST_POSTGRESQL_URL"
_SKIPPED = f"no ClickHouse server to test on: set {SERVER}=http://127.0.0.1:8123 to run this half, too"


@pytest.fixture(scope="session", autouse=True)
def grpc_stays() -> Iterator[None]:
    """gRPC ends with its last object. If the garbage collector finds that one in a cycle, it waits for a thread that waits for
    an event loop that is closed by then: for ever."""
    grpc.aio.init_grpc_aio()
    yield
    grpc.aio.shutdown_grpc_aio()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """One engine for all tests of a run: chDB allows one folder a process."""
    store = EmbeddedStore(tmp_path_factory.mktemp("data"), memory_bytes=2 << 30)
    migrate(store)
    yield store
    store.close()


@pytest.fixture(scope="session")
def server() -> Iterator[ServerStore]:
    url = os.environ.get(SERVER)
    if not url:
        pytest.skip(_SKIPPED)
    database = f"coldlight_test_{os.getpid()}"
    store = ServerStore(parse_address(f"{url.rstrip('/')}/{database}"))
    store.create_database()
    migrate(store)
    yield store
    store.command(f"DROP DATABASE {database} SYNC")
    store.close()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A database that may lose what it holds: the one that is named, or one on a server of our own."""
    if url := os.environ.get(POSTGRESQL):
        yield url
    elif programs := postgresql_programs():
        with postgresql(programs) as port:
            yield f"postgresql://{USER}@127.0.0.1:{port}/{DATABASE}"
    else:
        pytest.skip(f"{NO_POSTGRESQL}; or set {POSTGRESQL}=postgresql://user:password@host/database")


def empty_tables(store: Store) -> None:
    """Removes all rows but the migrations' ledger."""
    tables = store.select(
        "SELECT name FROM system.tables WHERE database = currentDatabase()"
        " AND engine LIKE '%MergeTree' AND name != 'coldlight_migrations' AND total_rows != 0"
    )
    for table in tables:
        store.command(f"TRUNCATE TABLE {table['name']}")


@pytest.fixture(params=["embedded", "server"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each form of the store in turn, with empty tables."""
    chosen: Store = request.getfixturevalue(request.param)
    empty_tables(chosen)
    return chosen


@pytest.fixture(scope="module", params=["embedded", "server"])
def kept_store(request: pytest.FixtureRequest) -> Store:
    """Each form of the store in turn, emptied once for a module whose tests only read what `put_once` puts there."""
    chosen: Store = request.getfixturevalue(request.param)
    empty_tables(chosen)
    return chosen


@pytest.fixture
def embedded_store(embedded: EmbeddedStore) -> EmbeddedStore:
    """The embedded form alone, with empty tables: for tests of what is on top of a store."""
    empty_tables(embedded)
    return embedded


# Deduplication tokens outlive a TRUNCATE, so no two tests may have a number in common.
_NUMBERS = itertools.count(1)


@pytest.fixture
def number() -> int:
    """A segment number that no other test has, and 999 after it."""
    return next(_NUMBERS) * 1000


@pytest.fixture
def put(store: Store, tmp_path: Path, number: int) -> Put:
    """Inserts requests into `store`."""
    return Put(store, tmp_path, itertools.count(number))


@pytest.fixture(scope="module")
def put_once(kept_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Put:
    """Inserts requests into `kept_store`."""
    return Put(kept_store, tmp_path_factory.mktemp("batches"), itertools.count(next(_NUMBERS) * 1000))
