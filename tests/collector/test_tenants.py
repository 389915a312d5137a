"""One journal and one inserter a tenant: exactly once for each of them, and none in the way of another."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.conftest import empty_tables

from coldlight_collector.intake import Payload, Unavailable
from coldlight_collector.journal import JournalLimits
from coldlight_collector.journal.folders import journal_folders
from coldlight_collector.journal.ledger import entries
from coldlight_collector.journal.space import Space
from coldlight_collector.tenants import Tenants
from coldlight_collector.turns import Turns
from coldlight_storage import EmbeddedStore, NewerSchema, Signal, Store, StoreError, Stores, TenantStore
from coldlight_storage.migrations import migrate
from coldlight_storage.testing import span, stored_form, traces_request

AT_ONCE = JournalLimits(batch_items=1)
NAMES = "SELECT SpanName FROM otel_traces ORDER BY SpanName"


def a_span(number: int) -> Payload:
    return Payload(stored_form(traces_request(span(number, name=f"span {number}"))), 1)


def make_tables(store: TenantStore) -> None:
    store.create_database()
    migrate(store)


@pytest.fixture
def stores(embedded_store: EmbeddedStore) -> Iterator[Stores]:
    """The default tenant, `a` and `b`, with empty tables."""
    stores = Stores(embedded_store, make_tables)
    for tenant in ("a", "b"):
        stores.prepare(tenant)
        empty_tables(stores.of(tenant))
    yield stores
    for tenant in ("a", "b"):
        stores.of(tenant).close()


@asynccontextmanager
async def collecting(
    folder: Path, stores: Stores, *others: str, limits: JournalLimits = AT_ONCE, drain_s: float = 60.0
) -> AsyncIterator[Tenants]:
    """The default tenant and `others`. In the end what can be inserted is, within `drain_s` seconds."""
    tenants = Tenants(folder, limits, stores)
    await tenants.open("default")
    await tenants.meet(frozenset(others))
    try:
        yield tenants
    finally:
        await tenants.stop(asyncio.get_running_loop().time() + drain_s)


async def send(tenants: Tenants, tenant: str, *numbers: int) -> None:
    for number in numbers:
        await tenants.intake(tenant)(Signal.TRACES, a_span(number))


def names(store: Store) -> list[str]:
    return [row["SpanName"] for row in store.select(NAMES)]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)


async def test_every_tenant_has_its_rows_in_a_database_of_its_own(tmp_path: Path, stores: Stores) -> None:
    async with collecting(tmp_path, stores, "a", "b") as tenants:
        await send(tenants, "default", 1)
        await send(tenants, "a", 2, 3)
        await send(tenants, "b", 4)
    found = {tenant: names(stores.of(tenant)) for tenant in ("default", "a", "b")}
    assert found == {"default": ["span 1"], "a": ["span 2", "span 3"], "b": ["span 4"]}
    assert not entries(tmp_path)


async def test_the_same_request_of_two_tenants_is_two_requests(tmp_path: Path, stores: Stores) -> None:
    async with collecting(tmp_path, stores, "a", "b") as tenants:
        for _ in range(3):
            await send(tenants, "a", 1)
            await send(tenants, "b", 1)
        assert [tenants.pipelines[tenant].journal.repeated_requests for tenant in ("a", "b")] == [2, 2]
    assert (names(stores.of("a")), names(stores.of("b"))) == (["span 1"], ["span 1"])


async def test_what_a_tenant_left_in_its_journal_is_inserted_once_by_the_next_start(
    tmp_path: Path, stores: Stores
) -> None:
    async with collecting(tmp_path, stores, "a", limits=JournalLimits(linger_s=3600), drain_s=0) as tenants:
        tenants.pipelines["a"].inserter.journal.wants_batch = lambda *_: False
        await send(tenants, "a", 1)
    left = [entry.path.relative_to(tmp_path).parts[:3] for entry in entries(tmp_path)]
    assert left in ([("tenants", "a", "traces")], [])  # the last moment may have sufficed
    async with collecting(tmp_path, stores, *journal_folders(tmp_path).keys() - {"default"}) as tenants:
        await send(tenants, "a", 1)  # its sender lost the answer
    assert names(stores.of("a")) == ["span 1"]


async def test_segments_of_a_tenant_are_numbered_by_its_own_collector(tmp_path: Path, stores: Stores) -> None:
    async with collecting(tmp_path, stores, "a", "b") as tenants:
        await send(tenants, "a", 1, 2)
        await send(tenants, "b", 3)
    for tenant in ("a", "b"):
        [numbers] = stores.of(tenant).select(
            "SELECT groupUniqArray(bitShiftRight(IngestSegment, 44)) AS instances FROM otel_traces"
        )
        [claimed] = stores.of(tenant).select(
            "SELECT Number FROM coldlight_collectors WHERE Identity = {identity:String}",
            {"identity": (journal_folders(tmp_path)[tenant] / "identity").read_text().strip()},
        )
        assert numbers["instances"] == [claimed["Number"]]


async def test_a_tenant_whose_database_is_gone_waits_alone(tmp_path: Path, stores: Stores) -> None:
    async with collecting(tmp_path, stores, "a", "b") as tenants:
        await send(tenants, "a", 1)
        await until(lambda: names(stores.of("a")) == ["span 1"])
        stores.of("default").command("RENAME DATABASE default_a TO default_elsewhere")
        try:
            await send(tenants, "a", 2)
            await send(tenants, "b", 3)
            await send(tenants, "default", 4)
            await until(lambda: names(stores.of("b")) == ["span 3"])
            await until(lambda: names(stores.of("default")) == ["span 4"])
            await until(lambda: bool(tenants.pipelines["a"].inserter.counts.waiting_for))
            assert "UNKNOWN_DATABASE" in tenants.waiting_for
        finally:
            stores.of("default").command("RENAME DATABASE default_elsewhere TO default_a")
        await until(lambda: names(stores.of("a")) == ["span 1", "span 2"])


@pytest.mark.parametrize(
    "refusal", [NewerSchema("newer"), StoreError("not allowed")], ids=["newer", "refused"]
)
async def test_a_tenant_whose_tables_cannot_be_made_costs_the_others_nothing(
    tmp_path: Path, embedded_store: EmbeddedStore, refusal: Exception
) -> None:
    def make_all_but_a(store: TenantStore) -> None:
        if store is not embedded_store:
            raise refusal
        make_tables(store)

    stores = Stores(embedded_store, make_all_but_a)
    async with collecting(tmp_path, stores, "a", drain_s=0.5) as tenants:
        await send(tenants, "a", 1)
        await send(tenants, "default", 2)
        await until(lambda: names(embedded_store) == ["span 2"])
        await until(lambda: tenants.waiting_for == str(refusal))
        failing = asyncio.create_task(tenants.failed())
        await asyncio.sleep(0)
        assert not failing.done()
        failing.cancel()
    assert [entry.contents.requests for entry in entries(tmp_path)] == [1]


async def test_a_default_tenant_whose_tables_cannot_be_made_ends_the_collector(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    def refuse(_: TenantStore) -> None:
        raise NewerSchema("newer")

    async with collecting(tmp_path, Stores(embedded_store, refuse), drain_s=0) as tenants:
        with pytest.raises(NewerSchema):
            await tenants.failed()


async def test_a_tenant_whose_journal_cannot_be_opened_is_told_to_come_again(
    tmp_path: Path, stores: Stores
) -> None:
    (tmp_path / "tenants").mkdir()
    (tmp_path / "tenants" / "a").touch()  # a file where the folder should be
    async with collecting(tmp_path, stores, "a", "b") as tenants:
        with pytest.raises(Unavailable, match="the journal of tenant a is not open"):
            await send(tenants, "a", 1)
        await send(tenants, "b", 1)
        (tmp_path / "tenants" / "a").unlink()
        await tenants.meet(frozenset({"a", "b"}))
        await send(tenants, "a", 1)
    assert (names(stores.of("a")), names(stores.of("b"))) == (["span 1"], ["span 1"])


async def test_a_tenant_that_cannot_be_opened_takes_no_space_however_often_it_is_tried(
    tmp_path: Path, stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and once when it is well again."""
    caplog.set_level(logging.INFO, logger="coldlight_collector.tenants")
    (tmp_path / "tenants" / "a").mkdir(parents=True)
    identity = tmp_path / "tenants" / "a" / "identity"
    identity.write_text("no UUID")
    async with collecting(tmp_path, stores) as tenants:
        for _ in range(3):
            await tenants.meet(frozenset({"a"}))
        assert tenants.pipelines.keys() == {"default"}
        assert tenants.space.promised_bytes == AT_ONCE.total_bytes // 2
        identity.unlink()
        for _ in range(2):
            await tenants.meet(frozenset({"a"}))
    shut, opened = (record.message for record in caplog.records)
    assert "tenant a: its journal cannot be opened" in shut
    assert opened == "tenant a: its journal is open now"


async def test_a_tenant_that_fills_the_journal_leaves_the_others_their_part(
    tmp_path: Path, stores: Stores
) -> None:
    size = len(a_span(1).body)
    small = JournalLimits(total_bytes=40 * size, linger_s=3600, batch_items=1000)
    async with collecting(tmp_path, stores, "a", limits=small) as tenants:
        for pipeline in tenants.pipelines.values():
            pipeline.journal.wants_batch = lambda *_: False
        with pytest.raises(Unavailable, match="the journal has reached its limit"):
            await send(tenants, "a", *range(1, 100))
        await send(tenants, "default", 1, 2, 3)
        taken = tenants.pipelines["a"].journal.stored_bytes
        assert 20 * size < taken <= 30 * size


# What the tenants share


def test_a_journal_that_is_alone_has_all_the_space() -> None:
    assert Space(1000).share(0).limit_bytes == 1000


def test_half_of_the_space_is_promised_in_equal_parts() -> None:
    space = Space(1000)
    greedy, modest = space.share(0), space.share(0)
    assert greedy.limit_bytes == 750
    greedy.stored_bytes = 750
    assert modest.limit_bytes == 250
    modest.stored_bytes = 250
    assert (greedy.limit_bytes, modest.limit_bytes) == (750, 250)


def test_what_is_promised_to_others_no_journal_will_ever_hold() -> None:
    space = Space(1000)
    alone = space.share(0)
    assert alone.most_bytes == 1000
    others = [space.share(250), space.share(900)]
    assert [share.most_bytes for share in (alone, *others)] == [668, 668, 668]


def test_a_journal_of_an_earlier_start_that_holds_more_than_all_leaves_the_others_their_part() -> None:
    space = Space(1000)
    space.share(2000)
    modest = space.share(0)
    assert modest.limit_bytes == 250
    assert modest.has_room(250)
    assert not modest.has_room(251)


async def test_who_waits_longest_is_next_and_who_takes_too_long_lets_others_pass() -> None:
    turns, order = Turns(at_once=1, patience_s=0.01), list[str]()
    stuck = asyncio.Event()

    async def insert(name: str, until_set: asyncio.Event | None = None) -> None:
        async with turns.turn():
            order.append(name)
            if until_set:
                await until_set.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(insert("stuck", stuck))
        waiting = [group.create_task(insert(name)) for name in ("second", "third")]
        await asyncio.wait(waiting)
        assert order == ["stuck", "second", "third"]
        stuck.set()
    async with asyncio.timeout(60):  # its turn came back once, and not twice
        async with turns.turn():
            assert turns._free.locked()


async def test_a_small_batch_waits_only_where_there_are_several_tenants() -> None:
    turns, loop = Turns(), asyncio.get_running_loop()
    began_s = loop.time()
    for _ in range(100):
        await turns.pace()
    assert turns._next_small_s == 0
    turns.tenants = 2
    for _ in range(2):
        await turns.pace()
    assert turns._next_small_s >= began_s + 0.2
