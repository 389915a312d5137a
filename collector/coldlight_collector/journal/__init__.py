"""The journal: nothing is acknowledged before it is here, on disk."""

from coldlight_collector.journal.journal import Journal, JournalLimits, Sealed

__all__ = ["Journal", "JournalLimits", "Sealed"]
