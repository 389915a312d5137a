"""What people did to issues: resolved, muted, opened again. Beside the issues themselves, which are counted from spans."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, Column, ColumnElement, String, Table, and_, delete, insert, select

from coldlight_storage.state.database import METADATA, State


class Verdict(StrEnum):
    """What somebody said of an issue."""

    RESOLVED = "resolved"
    MUTED = "muted"


@dataclass(frozen=True)
class Judged:
    """`verdict` on an issue, given at a time in Unix nanoseconds; a muted one may come back after `until_ns`."""

    fingerprint: str
    verdict: Verdict
    at_ns: int
    until_ns: int | None = None


_VERDICTS = Table(
    "issue_verdicts",
    METADATA,
    Column("tenant", String(32), primary_key=True),
    Column("fingerprint", String(32), primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),
)


def judge(state: State, tenant: str, judged: Judged) -> None:
    """Keeps a verdict, in place of the one before. Raises `StateUnavailable`."""
    with state.transaction() as connection:
        connection.execute(delete(_VERDICTS).where(_of(tenant, judged.fingerprint)))
        connection.execute(insert(_VERDICTS).values(tenant=tenant, **vars(judged)))


def forget(state: State, tenant: str, fingerprint: str) -> None:
    """The issue is open again. Raises `StateUnavailable`."""
    with state.transaction() as connection:
        connection.execute(delete(_VERDICTS).where(_of(tenant, fingerprint)))


def read_verdicts(state: State, tenant: str) -> dict[str, Judged]:
    """All of a tenant, by fingerprint. Raises `StateUnavailable`."""
    columns = [_VERDICTS.c[name] for name in ("fingerprint", "verdict", "at_ns", "until_ns")]
    with state.transaction() as connection:
        rows = connection.execute(select(*columns).where(_VERDICTS.c.tenant == tenant)).all()
    return {
        row.fingerprint: Judged(row.fingerprint, Verdict(row.verdict), row.at_ns, row.until_ns)
        for row in rows
    }


def _of(tenant: str, fingerprint: str) -> ColumnElement[bool]:
    return and_(_VERDICTS.c.tenant == tenant, _VERDICTS.c.fingerprint == fingerprint)
