"""The SQL of the query service, each statement a file of `sql/`."""

from functools import cache
from importlib import resources


@cache
def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (resources.files("coldlight_query") / "sql" / f"{name}.sql").read_text()
