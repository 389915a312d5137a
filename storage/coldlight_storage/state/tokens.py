"""Tokens: who may send and read, and for which tenant.

A token is `cl_<id>_<secret>`. The id finds the row; of the secret only its SHA-256 is kept. A slow hash, as for
passwords, would protect nothing here: it is made against guessing what people choose, and 256 random bits cannot be
guessed at any speed.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import BigInteger, Column, Row, String, Table, insert, select, update

from coldlight_storage.state.database import METADATA, State

DEFAULT_TENANT = "default"
"""Whose tables are in the database of the ClickHouse URL; the tenant of the people who run Coldlight."""

TENANT = re.compile(r"[a-z0-9_]{1,32}")
_MOST_NAME_CHARACTERS = 100
_PREFIX, _ID_BYTES, _SECRET_BYTES = "cl", 6, 32
_TEXT = re.compile(rf"{_PREFIX}_([0-9a-f]{{{2 * _ID_BYTES}}})_([0-9a-f]{{{2 * _SECRET_BYTES}}})")


class Role(StrEnum):
    """What a token is good for."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        """An `admin` may do what the others may, too."""
        return self in (needed, Role.ADMIN)


@dataclass(frozen=True)
class Rates:
    """What a token may send: items (spans, log records, data points) and bytes a second; None is without limit."""

    items: int | None = None
    bytes: int | None = None


UNLIMITED = Rates()


@dataclass(frozen=True)
class Token:
    """A token as it is kept; times are in Unix seconds. `digest` is the SHA-256 of its secret in hex."""

    id: str
    name: str
    role: Role
    tenant: str
    created_unix_s: int
    digest: str
    revoked_unix_s: int | None = None
    rates: Rates = UNLIMITED


class UnknownToken(Exception):
    """There is no token of that id."""


_TOKENS = Table(
    "tokens",
    METADATA,
    Column("id", String(2 * _ID_BYTES), primary_key=True),
    Column("name", String(_MOST_NAME_CHARACTERS), nullable=False),
    Column("role", String(16), nullable=False),
    Column("tenant", String(32), nullable=False),
    Column("created_unix_s", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("revoked_unix_s", BigInteger),
    Column("items_per_s", BigInteger),
    Column("bytes_per_s", BigInteger),
)


def create_token(
    state: State, name: str, role: Role, tenant: str, now_unix_s: int, rates: Rates = UNLIMITED
) -> tuple[Token, str]:
    """A new token, and its text, which is not kept. Raises ValueError for its name or tenant, `StateUnavailable`."""
    if not TENANT.fullmatch(tenant):
        raise ValueError(f"tenant {tenant!r} does not do: 1 to 32 of a-z, 0-9 and _, such as team_a")
    if not name.isprintable() or not 0 < len(name) <= _MOST_NAME_CHARACTERS:
        raise ValueError(f"name {name!r} does not do: 1 to {_MOST_NAME_CHARACTERS} printable characters")
    identifier, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
    token = Token(identifier, name, role, tenant, now_unix_s, digest_of(secret), rates=rates)
    with state.transaction() as connection:
        connection.execute(insert(_TOKENS).values(**_columns(token)))
    return token, f"{_PREFIX}_{identifier}_{secret}"


def read_tokens(state: State) -> tuple[Token, ...]:
    """All tokens, also revoked ones, the oldest first. Raises `StateUnavailable`."""
    with state.transaction() as connection:
        rows = connection.execute(select(_TOKENS).order_by(_TOKENS.c.created_unix_s, _TOKENS.c.id)).all()
    return tuple(map(_token, rows))


def revoke_token(state: State, identifier: str, now_unix_s: int) -> Token:
    """Ends a token for good; one that has ended before stays as it is. Raises `UnknownToken`, `StateUnavailable`."""
    by_id = _TOKENS.c.id == identifier
    with state.transaction() as connection:
        connection.execute(
            update(_TOKENS).where(by_id, _TOKENS.c.revoked_unix_s.is_(None)).values(revoked_unix_s=now_unix_s)
        )
        row = connection.execute(select(_TOKENS).where(by_id)).one_or_none()
    if row is None:
        raise UnknownToken(f"there is no token {identifier!r}; `coldlight token list` shows those there are")
    return _token(row)


def parse_token(text: str) -> tuple[str, str] | None:
    """Id and secret of a token's text; None for anything else."""
    found = _TEXT.fullmatch(text)
    return (found[1], found[2]) if found else None


def digest_of(secret: str) -> str:
    return sha256(secret.encode(errors="surrogateescape")).hexdigest()


def tenants_of(tokens: Sequence[Token]) -> frozenset[str]:
    """Every tenant that has, or has had, a token."""
    return frozenset(token.tenant for token in tokens)


def _columns(token: Token) -> dict[str, str | int | None]:
    kept = dict(vars(token))
    rates: Rates = kept.pop("rates")
    return {**kept, "items_per_s": rates.items, "bytes_per_s": rates.bytes}


def _token(row: Row[tuple[object, ...]]) -> Token:
    kept = dict(row._mapping)
    rates = Rates(kept.pop("items_per_s"), kept.pop("bytes_per_s"))
    return Token(**{**kept, "role": Role(kept["role"])}, rates=rates)
