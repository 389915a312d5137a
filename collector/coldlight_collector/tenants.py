"""The collector's part behind the receivers, once for every tenant: a journal, and an inserter that empties it (ADR 12)."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from prometheus_client.core import Metric

from coldlight_collector.inserter import InsertCounts, Inserter, read_identity
from coldlight_collector.intake import Intake, Unavailable
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_collector.journal.folders import journal_folder
from coldlight_collector.journal.space import Space
from coldlight_collector.turns import Turns
from coldlight_storage import DataFolderInUse, NewerSchema, StoreError, Stores
from coldlight_storage.folder_lock import lock_folder
from coldlight_storage.state.tokens import DEFAULT_TENANT

log = logging.getLogger(__name__)

_PAUSE_S = 30.0


@dataclass
class Pipeline:
    """One tenant's journal and inserter, at work."""

    journal: Journal
    inserter: Inserter
    lock: TextIOWrapper
    committing: asyncio.Task[None]
    inserting: asyncio.Task[None]

    async def stop(self, deadline: float) -> None:
        """Takes nothing more, and inserts what it can until the loop's time `deadline`."""
        self.journal.close()
        await self.committing
        # Should the inserter have failed, nobody is left to wait for.
        drained = asyncio.create_task(self.inserter.drained(), name="drain")
        left_s = max(0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait([drained, self.inserting], timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        # A server that hangs must not keep us: without the last heartbeat we count as silent, which is then true.
        left_s = max(0.1, deadline - asyncio.get_running_loop().time())
        with suppress(TimeoutError):
            await asyncio.wait_for(self.inserter.heart.beat(is_stopped=True), left_s)
        self.inserting.cancel()
        await asyncio.wait([self.inserting])
        self.lock.close()


class Tenants:
    """The pipelines of all tenants. They share the limits of the journal, and take turns to insert."""

    def __init__(self, folder: Path, limits: JournalLimits, stores: Stores) -> None:
        """`folder` is the default tenant's journal, in which the others' are."""
        self.pipelines: dict[str, Pipeline] = {}
        self._folder = folder
        self._limits = limits
        self._stores = stores
        self.space = Space(limits.total_bytes)
        self._shown = InsertCounts()
        self._turns = Turns()
        self._shut: dict[str, str] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def default(self) -> Pipeline:
        return self.pipelines[DEFAULT_TENANT]

    @property
    def waiting_for(self) -> str:
        """What inserts wait for, if for anything; the default tenant's come first."""
        waiting = (pipeline.inserter.counts.waiting_for for pipeline in self.pipelines.values())
        return next(filter(None, waiting), "")

    def intake(self, tenant: str) -> Intake:
        """The collector's `Intakes`."""
        try:
            return self.pipelines[tenant].journal.append
        except KeyError:
            raise Unavailable(f"the journal of tenant {tenant} is not open: send it again later") from None

    def histograms(self) -> Iterator[Metric]:
        """How long inserts take, over all tenants."""
        yield from self._shown.durations_s.collect()
        yield from self._shown.delays_s.collect()

    async def open(self, tenant: str) -> None:
        """Starts the pipeline of a tenant. Raises `DataFolderInUse`, or OSError when its folder cannot be had."""
        folder = journal_folder(self._folder, tenant)
        lock = await asyncio.to_thread(lock_folder, folder)
        try:
            # What can fail comes before the journal, whose share of the space stays taken.
            identity, store = read_identity(folder), self._stores.of(tenant)
            journal = await asyncio.to_thread(Journal, folder, self._limits, space=self.space)
            inserter = Inserter(
                journal,
                store,
                identity,
                lambda: self._stores.prepare(tenant),
                counts=InsertCounts(durations_s=self._shown.durations_s, delays_s=self._shown.delays_s),
                turns=self._turns,
            )
        except BaseException:  # whatever it was, who tries again has to find the folder free
            lock.close()
            raise
        committing = self._watched(asyncio.create_task(journal.run(), name=f"journal of {tenant}"))
        inserting = self._watched(
            asyncio.create_task(_insert(inserter, tenant), name=f"inserter of {tenant}")
        )
        self.pipelines[tenant] = Pipeline(journal, inserter, lock, committing, inserting)
        self._turns.tenants = len(self.pipelines)

    async def meet(self, tenants: frozenset[str]) -> None:
        """Opens those that are new. One that cannot be opened is logged, and costs the others nothing.

        It is tried again with each call, and logged again when the reason is another one, or when it is well.
        """
        for tenant in sorted(tenants - self.pipelines.keys()):
            try:
                await self.open(tenant)
            except (OSError, ValueError, DataFolderInUse) as error:
                if self._shut.get(tenant) != str(error):
                    self._shut[tenant] = str(error)
                    log.error(
                        "tenant %s: its journal cannot be opened, its senders get 503: %s", tenant, error
                    )
            else:
                if self._shut.pop(tenant, None):
                    log.info("tenant %s: its journal is open now", tenant)

    async def stop(self, deadline: float) -> None:
        """Stops all pipelines; what is not inserted by the loop's time `deadline` stays for the next start."""
        self._turns.is_hurried = True
        async with asyncio.TaskGroup() as group:
            for pipeline in self.pipelines.values():
                group.create_task(pipeline.stop(deadline))

    async def failed(self) -> None:
        """Returns never, but raises what ends a journal, or the default tenant's inserter, should that ever happen."""
        await asyncio.shield(self._failure)

    def _watched(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        def note(ended: asyncio.Task[None]) -> None:
            if not ended.cancelled() and (error := ended.exception()) and not self._failure.done():
                self._failure.set_exception(error)

        task.add_done_callback(note)
        return task


async def _insert(inserter: Inserter, tenant: str) -> None:
    """Runs an inserter. The tables of the default tenant must be right; those of another one concern nobody else."""
    while True:
        try:
            await inserter.run()
        except (StoreError, NewerSchema) as error:
            if tenant == DEFAULT_TENANT:
                raise
            log.error("tenant %s: what it sends stays in the journal: %s", tenant, error)
            inserter.counts.waiting_for = str(error)
            await asyncio.sleep(_PAUSE_S)
