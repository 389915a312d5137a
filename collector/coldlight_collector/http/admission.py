"""Who may open a connection: so many in all, and so many from one address."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Admission:
    """Counts open connections by address."""

    most: int
    most_of_one_address: int
    total: int = field(default=0, init=False)
    _open: Counter[str] = field(default_factory=Counter, init=False)

    def enter(self, address: str) -> str:
        """Counts one more, or says why not. Who has entered is to `leave`."""
        if self.total >= self.most:
            return "no more connections are taken now: connect again later"
        if self._open[address] >= self.most_of_one_address:
            return (
                f"{address} has {self.most_of_one_address} connections open, and no more are taken from one address: "
                "use those, or raise --max-connections-per-address"
            )
        self.total += 1
        self._open[address] += 1
        return ""

    def leave(self, address: str) -> None:
        self.total -= 1
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
