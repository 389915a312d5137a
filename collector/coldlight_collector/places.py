"""Places for so many at a time: in all, and of one client address, so that none can have all of them."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Places:
    """Who has taken a place gives it back."""

    most: int
    most_of_one_address: int
    taken: Counter[str] = field(default_factory=Counter, init=False)

    def take(self, address: str) -> bool:
        """Whether there was a place left for this address, which it has now."""
        if self.taken.total() >= self.most or self.taken[address] >= self.most_of_one_address:
            return False
        self.taken[address] += 1
        return True

    def give(self, address: str) -> None:
        self.taken[address] -= 1
        if not self.taken[address]:
            del self.taken[address]
