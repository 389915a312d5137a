"""Who may open a connection: so many in all, and so many from one address. Where that is used up, the slowest make room."""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, Protocol


class Pace(NamedTuple):
    """How fast a client is for whom the server waits; the least is the slowest. Who is idle brings nothing."""

    bytes_per_s: float
    since: float


class Guest(Protocol):
    """An open connection."""

    def pace(self, now: float) -> Pace | None:
        """None while it need not make room: the client waits for its answer, or has not kept us waiting for long."""

    def give_way(self) -> None:
        """Leaves, and ends."""


@dataclass
class Admission:
    """The open connections, by address. `displaced` counts those that had to make room."""

    most: int
    most_of_one_address: int
    total: int = field(default=0, init=False)
    displaced: int = field(default=0, init=False)
    _guests: defaultdict[str, set[Guest]] = field(default_factory=lambda: defaultdict(set), init=False)
    _busy: set[str] = field(default_factory=set, init=False)

    def enter(self, guest: Guest, address: str, now: float) -> str:
        """Takes one more, or says why not. Who has entered is to `leave`."""
        of_address = self._guests.get(address, ())
        if len(of_address) >= self.most_of_one_address and not self._make_room(of_address, address, now):
            return (
                f"{address} has {self.most_of_one_address} connections open, and no more are taken from one address: "
                "use those, or raise --max-connections-per-address"
            )
        if self.total >= self.most and not self._make_room(chain(*self._guests.values()), "", now):
            return "no more connections are taken now: connect again later"
        self.total += 1
        self._guests[address].add(guest)
        return ""

    def leave(self, guest: Guest, address: str) -> None:
        self.total -= 1
        self._guests[address].remove(guest)
        if not self._guests[address]:
            del self._guests[address]

    def look_again(self) -> None:
        """Time has passed: who was busy may be slow by now."""
        self._busy.clear()

    def _make_room(self, crowd: Iterable[Guest], where: str, now: float) -> bool:
        """Sends the slowest of `crowd` away, or tells that nobody in it is slow.

        A look at all of them for each new client would be the attacker's gain. So a sixteenth goes at once, and where
        nobody is slow, that is believed for a while.
        """
        if where in self._busy:
            return False
        paces = [(pace, guest) for guest in crowd if (pace := guest.pace(now))]
        if not paces:
            self._busy.add(where)
            return False
        for _, guest in heapq.nsmallest(max(1, len(paces) // 16), paces, key=lambda slow: slow[0]):
            guest.give_way()
            self.displaced += 1
        return True
