"""The collector, put together: ports -> receivers -> journal -> inserter."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from coldlight_collector import front_door, metrics
from coldlight_collector.inserter import Inserter, read_identity
from coldlight_collector.journal import Journal
from coldlight_collector.ports import Ports, listen
from coldlight_collector.settings import CollectorSettings
from coldlight_collector.tallies import Tallies
from coldlight_storage import Store
from coldlight_storage.folder_lock import lock_folder

if TYPE_CHECKING:
    from coldlight_collector.self_trace import SelfTrace


@dataclass
class Collector:
    """A running collector."""

    ports: Ports
    journal: Journal
    inserter: Inserter
    trace: "SelfTrace | None"
    _lock: TextIOWrapper
    _committing: asyncio.Task[None]
    _inserting: asyncio.Task[None]

    async def stop(self, grace_s: float) -> None:
        """Refuses new requests, answers those under way, and inserts what it can within `grace_s` seconds.

        The rest stays in the journal for the next start.
        """
        deadline = asyncio.get_running_loop().time() + grace_s
        await self.ports.stop(grace_s / 2)
        if self.trace:
            await self.trace.stop()
        self.journal.close()
        await self._committing
        # Should the inserter have failed, nobody is left to wait for.
        drained = asyncio.create_task(self.inserter.drained(), name="drain")
        left_s = max(0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait([drained, self._inserting], timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        # A server that hangs must not keep us: without the last heartbeat we count as silent, which is then true.
        left_s = max(0.1, deadline - asyncio.get_running_loop().time())
        with suppress(TimeoutError):
            await asyncio.wait_for(self.inserter.heart.beat(is_stopped=True), left_s)
        self._inserting.cancel()
        await asyncio.wait([self._inserting])
        self._lock.close()

    async def failed(self) -> None:
        """Returns never, but raises what ends the journal or the inserter should that ever happen."""
        done, _ = await asyncio.wait([self._committing, self._inserting], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def start(
    store: Store, settings: CollectorSettings, registry: CollectorRegistry, prepare: Callable[[], object]
) -> Collector:
    """Starts a collector that inserts into `store`, once `prepare` has made its tables.

    Requests are acknowledged from the first moment, whether or not ClickHouse answers.
    Raises `DataFolderInUse`, or OSError when an address or the folder cannot be had.
    """
    lock = await asyncio.to_thread(lock_folder, settings.folder)
    journal = Journal(settings.folder, settings.journal)
    inserter = Inserter(journal, store, read_identity(settings.folder), prepare)
    tallies = Tallies()
    own_routes = front_door.own_routes(registry, journal, inserter, settings.token)
    trace = _trace_itself(settings, inserter, tallies)
    ports = await listen(journal.append, settings, own_routes, registry, tallies, trace)
    metrics.watch(registry, journal, inserter, tallies, ports)
    committing = asyncio.create_task(journal.run(), name="journal")
    inserting = asyncio.create_task(inserter.run(), name="inserter")
    return Collector(ports, journal, inserter, trace, lock, committing, inserting)


def _trace_itself(settings: CollectorSettings, inserter: Inserter, tallies: Tallies) -> "SelfTrace | None":
    if not settings.self_trace:
        return None
    from coldlight_collector import self_trace  # half a second, for those who want it

    intake = tallies["self"].counting(inserter.journal.append)
    trace = self_trace.start(settings.self_trace, inserter.identity, intake)
    inserter.inserting = trace.inserting
    return trace
