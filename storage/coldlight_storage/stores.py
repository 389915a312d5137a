"""The store of each tenant: a database of its own, so that no query can forget to say whose rows it wants."""

import threading
from collections import defaultdict
from collections.abc import Callable

from coldlight_storage.state.tokens import DEFAULT_TENANT, TENANT
from coldlight_storage.store import TenantStore


class Stores:
    """The stores of all tenants, opened when they are first asked for; may be used from any number of threads.

    The default tenant has the database of `base`, the tenant x one beside it whose name ends in `_x`. `prepare` makes a
    database and its tables, and may be called again.
    """

    def __init__(self, base: TenantStore, prepare: Callable[[TenantStore], object]) -> None:
        self._base = base
        self._prepare = prepare
        self._opened: dict[str, TenantStore] = {DEFAULT_TENANT: base}
        self._prepared: set[str] = set()
        self._opening = threading.Lock()
        self._preparing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def of(self, tenant: str) -> TenantStore:
        """The store of a tenant, whether or not its tables are there. Raises ValueError for a name that is none."""
        with self._opening:
            if tenant not in self._opened:
                if not TENANT.fullmatch(tenant):
                    raise ValueError(f"tenant {tenant!r}: 1 to 32 of a-z, 0-9 and _")
                self._opened[tenant] = self._base.beside(tenant)
            return self._opened[tenant]

    def prepare(self, tenant: str) -> None:
        """Makes the database and the tables of a tenant, once in this process. Raises what `prepare` raises."""
        store = self.of(tenant)
        with self._preparing[tenant]:
            if tenant not in self._prepared:
                self._prepare(store)
                self._prepared.add(tenant)

    def ready(self, tenant: str) -> TenantStore:
        """The store of a tenant to read from. Raises as `prepare` does.

        The tables of the default one are made at the start of a service, or whenever ClickHouse lets its collector.
        """
        if tenant != DEFAULT_TENANT:
            self.prepare(tenant)
        return self.of(tenant)

    def close(self) -> None:
        """Closes all of them."""
        with self._opening:
            opened, self._opened = list(self._opened.values()), {}
        for store in reversed(opened):
            store.close()
