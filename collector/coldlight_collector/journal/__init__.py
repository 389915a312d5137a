"""The journal: nothing is acknowledged before it is here, on disk."""

from coldlight_collector.journal.journal import Journal, JournalLimits
from coldlight_collector.journal.lane import Sealed
from coldlight_collector.journal.state import JournalState

__all__ = ["Journal", "JournalLimits", "JournalState", "Sealed"]
