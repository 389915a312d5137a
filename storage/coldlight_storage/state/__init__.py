"""What needs transactions, and therefore is not in ClickHouse: SQLite in the data folder, or PostgreSQL.

Each table stands in a module of its own with the functions that read and write it, and registers with `METADATA`.
"""

from coldlight_storage.state.database import METADATA, State, StateUnavailable, open_state

__all__ = ["METADATA", "State", "StateUnavailable", "open_state"]
