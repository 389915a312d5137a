"""The collector, put together: ports -> receivers -> journal -> inserter."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from coldlight_collector import metrics
from coldlight_collector.gate import Gate
from coldlight_collector.journal.folders import journal_folders
from coldlight_collector.ports import Ports, listen
from coldlight_collector.settings import CollectorSettings
from coldlight_collector.tallies import Tallies
from coldlight_collector.tenants import Pipeline, Tenants
from coldlight_storage import Stores
from coldlight_storage.access import Access
from coldlight_storage.state.tokens import DEFAULT_TENANT

if TYPE_CHECKING:
    from coldlight_collector.self_trace import SelfTrace


@dataclass
class Collector:
    """A running collector."""

    ports: Ports
    tenants: Tenants
    trace: "SelfTrace | None"

    async def stop(self, grace_s: float) -> None:
        """Refuses new requests, answers those under way, and inserts what it can within `grace_s` seconds.

        The rest stays in the journal for the next start.
        """
        deadline = asyncio.get_running_loop().time() + grace_s
        await self.ports.stop(grace_s / 2)
        if self.trace:
            await self.trace.stop()
        await self.tenants.stop(deadline)

    async def failed(self) -> None:
        """Returns never, but raises what ends the journal or the inserter should that ever happen."""
        await self.tenants.failed()


async def start(
    stores: Stores, access: Access, settings: CollectorSettings, registry: CollectorRegistry
) -> Collector:
    """Starts a collector that inserts into `stores` for whom `access` lets in.

    Requests are acknowledged from the first moment, whether or not ClickHouse answers.
    Raises `DataFolderInUse`, or OSError when an address or the folder cannot be had.
    """
    tenants = Tenants(settings.folder, settings.journal, stores)
    await tenants.open(DEFAULT_TENANT)
    await tenants.meet(access.tenants | journal_folders(settings.folder).keys())
    gate, tallies = Gate(access, settings.rates), Tallies()
    trace = _trace_itself(settings, tenants.default, tallies)
    ports = await listen(tenants, gate, settings, registry, tallies, trace)
    metrics.watch(registry, tenants, tallies, ports)
    registry.register(gate)
    return Collector(ports, tenants, trace)


def _trace_itself(settings: CollectorSettings, own: Pipeline, tallies: Tallies) -> "SelfTrace | None":
    """Into the default tenant, and of its inserts."""
    if not settings.self_trace:
        return None
    from coldlight_collector import self_trace  # half a second, for those who want it

    intake = tallies["self"].counting_all(own.journal.append)
    trace = self_trace.start(settings.self_trace, own.inserter.identity, intake)
    own.inserter.inserting = trace.inserting
    return trace
