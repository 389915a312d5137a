"""Who may send, for which tenant, and how much: what every receiver asks before it reads a body."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from coldlight_collector.allowance import Allowance
from coldlight_storage.access import Access, Denied, Identity
from coldlight_storage.state.tokens import UNLIMITED, Rates, Role


class Throttled(Denied):
    """More than the token may send: HTTP's 429. Come again after `retry_after_s` seconds."""

    reason = "rate_limited"

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__(f"this token has sent more than its rate allows: wait {self.retry_after_s} s")


@dataclass(frozen=True)
class Sender:
    """Whose request it is, and what it may still send."""

    tenant: str
    allowance: Allowance | None

    def spend(self, items: int = 0, size: int = 0) -> None:
        """Takes what a request has cost."""
        if self.allowance:
            self.allowance.spend(items, size)


@dataclass(eq=False)  # the registry keeps it in a dictionary
class Gate(Collector):
    """Lets senders in. `rates` hold for tokens that have none of their own; `refusals` counts by reason."""

    access: Access
    rates: Rates = UNLIMITED
    clock_s: Callable[[], float] = time.monotonic
    refusals: Counter[str] = field(default_factory=Counter)
    _senders: dict[str, Sender] = field(default_factory=dict)

    def admit(self, token: str | None, size: int = 0) -> Sender:
        """The sender of a request of `size` bytes that shows this token, or none.

        Raises `Denied` in one of its kinds.
        """
        try:
            identity = self.access.require(token, Role.INGEST)
            sender = self._senders.get(identity.token) or self._meet(identity)
            if sender.allowance and (wait_s := sender.allowance.wait_s()):
                raise Throttled(wait_s)
        except Denied as denied:
            self.refusals[denied.reason] += 1
            raise
        sender.spend(size=size)
        return sender

    def _meet(self, identity: Identity) -> Sender:
        own = identity.rates
        rates = Rates(own.items or self.rates.items, own.bytes or self.rates.bytes)
        allowance = None if rates == UNLIMITED else Allowance(rates, self.clock_s)
        sender = self._senders[identity.token] = Sender(identity.tenant, allowance)
        return sender

    def collect(self) -> Iterator[Metric]:
        meaning = "Requests that were not let in, by reason"
        family = CounterMetricFamily("coldlight_denied_requests", meaning, labels=["reason"])
        for reason, count in self.refusals.items():
            family.add_metric([reason], count)
        yield family
