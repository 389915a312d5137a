"""What the journals of all tenants share: the disk, and the memory for what came before.

Half of the disk space is promised to the tenants in equal parts, the other half is for whoever needs it. So one whose
database is away cannot take the place of the others, and one that is alone has all of it.
"""

from dataclasses import dataclass, field

_DIGESTS = 250_000
"""Remembered for half an hour at most, over all journals (`repeats.py`)."""


class Share:
    """What one journal has of a space."""

    def __init__(self, space: "Space", stored_bytes: int) -> None:
        self.space = space
        self._stored_bytes = stored_bytes

    @property
    def stored_bytes(self) -> int:
        """What this journal holds."""
        return self._stored_bytes

    @stored_bytes.setter
    def stored_bytes(self, size: int) -> None:
        before, self._stored_bytes = self.taken_bytes, size
        self.space.taken_bytes += self.taken_bytes - before

    @property
    def taken_bytes(self) -> int:
        """What nobody else may have: it is held, or promised."""
        return max(self._stored_bytes, self.space.promised_bytes)

    def has_room(self, size: int) -> bool:
        """Whether this journal may hold so many bytes more."""
        return self._stored_bytes + size <= self.limit_bytes

    @property
    def most_bytes(self) -> int:
        """What this journal could hold if all of them were empty: nothing larger will ever fit."""
        return self.space.limit_bytes - self.space.promised_to_others_bytes

    @property
    def limit_bytes(self) -> int:
        """What this journal may hold now: all that the others have not taken, and in any case what is promised to it."""
        of_others = self.space.taken_bytes - self.taken_bytes
        return max(self.space.promised_bytes, self.space.limit_bytes - of_others)


@dataclass
class Space:
    """`limit_bytes` of disk, of which every journal may hold `promised_bytes`, whatever the others do."""

    limit_bytes: int
    promised_bytes: int = field(default=0, init=False)
    taken_bytes: int = field(default=0, init=False)
    _shares: list[Share] = field(default_factory=list, init=False)

    def share(self, stored_bytes: int) -> Share:
        """A part of it for one more journal, which holds so much already."""
        made = Share(self, stored_bytes)
        self._shares.append(made)
        self.promised_bytes = self.limit_bytes // (2 * len(self._shares))
        self.taken_bytes = sum(share.taken_bytes for share in self._shares)
        return made

    @property
    def promised_to_others_bytes(self) -> int:
        """What no journal may ever have, for it is promised to the others."""
        return self.promised_bytes * (len(self._shares) - 1)

    @property
    def most_digests(self) -> int:
        """How many requests each journal remembers in a generation."""
        return max(1000, _DIGESTS // max(1, len(self._shares)))
