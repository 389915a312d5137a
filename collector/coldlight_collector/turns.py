"""Whose INSERT comes next, over all tenants: first come, first served.

Every INSERT costs ClickHouse about 0.1 s, however small it is, and every tenant has its own. Two run side by side; who
has waited longest is next, so that a busy tenant delays the others by one batch and not by all it has. An INSERT that
does not come back soon lets the others pass: one tenant's broken database must not hold up those of the others.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_AT_ONCE = 2
_PATIENCE_S = 10.0
_BETWEEN_SMALL_S = 0.2
"""What a single tenant with all three signals takes (`inserter.py`)."""


class Turns:
    """Shared by the inserters of all tenants."""

    def __init__(self, at_once: int = _AT_ONCE, patience_s: float = _PATIENCE_S) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self._next_small_s = 0.0
        self.tenants = 0
        self.is_hurried = False
        """Whether all is to be inserted that there is, as when a collector stops."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for its turn, and holds it until the end of the block or until it takes too long."""
        await self._free.acquire()
        passed_on = asyncio.Event()

        def pass_on() -> None:
            if not passed_on.is_set():
                passed_on.set()
                self._free.release()

        late = asyncio.get_running_loop().call_later(self._patience_s, pass_on)
        try:
            yield
        finally:
            late.cancel()
            pass_on()

    async def pace(self) -> None:
        """Waits until a small batch may go in: together, several tenants make no more of them than one would."""
        if self.tenants < 2 or self.is_hurried:
            return
        now_s = asyncio.get_running_loop().time()
        self._next_small_s = max(now_s, self._next_small_s + _BETWEEN_SMALL_S)
        await asyncio.sleep(self._next_small_s - now_s)
