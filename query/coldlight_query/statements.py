"""The SQL of the query service, each statement a file of `sql/`."""

import re
from functools import cache
from importlib import resources

_INCLUDED = re.compile(r"\$\{([a-z_]+/[a-z_]+)\}")


@cache
def statement(name: str) -> str:
    """The text of `sql/<name>.sql`; where it says `${room/name}` stands the text of that file."""
    text = (resources.files("coldlight_query") / "sql" / f"{name}.sql").read_text().rstrip()
    return _INCLUDED.sub(lambda included: statement(included[1]), text)
