"""Who is let in: from what a client shows to whose it is, for the collector and the query service alike.

The tokens are held in memory and read anew every few seconds, so that a request costs a look into a dictionary. What
cannot be read for a minute is not believed any more: then nobody is let in who needs it, and everybody is told to come
again (503), so that nothing is lost.
"""

import asyncio
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from coldlight_storage.state import StateUnavailable
from coldlight_storage.state.tokens import (
    DEFAULT_TENANT,
    UNLIMITED,
    Rates,
    Role,
    Token,
    digest_of,
    parse_token,
    tenants_of,
)

log = logging.getLogger(__name__)

_BEARER = "Bearer "
REFRESH_S = 2.0
_BELIEVED_S = 60.0
_MOST_KNOWN = 10_000
_NOBODYS = "-" * 64

TokenReader = Callable[[], Sequence[Token]]
"""Reads all tokens, and blocks while it does. Raises `StateUnavailable`."""


@dataclass(frozen=True)
class Identity:
    """Whose request it is: the id and the name of its token, and what that is good for."""

    token: str
    name: str
    role: Role
    tenant: str
    rates: Rates = UNLIMITED


ANYBODY = Identity("", "anybody", Role.ADMIN, DEFAULT_TENANT)
"""Who comes where no token is needed."""

_SHARED = Identity("auth-token", "--auth-token", Role.ADMIN, DEFAULT_TENANT)


class Denied(Exception):
    """Not let in. Its text goes to the client; `reason` is a word for counters.

    What says "not now" may be tried again after `retry_after_s` seconds.
    """

    reason = "denied"
    retry_after_s = 1


class Unauthenticated(Denied):
    """No token, or none that is known: HTTP's 401."""

    reason = "unauthenticated"


class Forbidden(Denied):
    """A token that is not good for this: HTTP's 403."""

    reason = "forbidden"


class Undecided(Denied):
    """Nobody knows now whether the token is good: HTTP's 503."""

    reason = "state_unavailable"
    retry_after_s = 5


@dataclass(frozen=True)
class _Tokens:
    """What was read, and when by the monotonic clock."""

    by_id: Mapping[str, Token]
    read_at_s: float


def bearer(authorization: str) -> str | None:
    """The token of a header `Authorization: Bearer <token>` (RFC 6750, 2.1); None of anything else."""
    return authorization[len(_BEARER) :] if authorization.startswith(_BEARER) else None


class Access:
    """Tells whose a token is. Lives on one event loop.

    `shared` is a token that needs no state (`--auth-token`): good for everything, in the default tenant.
    `is_public` says that strangers reach the ports. Nobody needs a token on a private port as long as none was ever made.
    """

    def __init__(
        self,
        read: TokenReader,
        shared: str | None = None,
        is_public: bool = False,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._shared = None if shared is None else digest_of(shared)
        self._is_public = is_public
        self._clock_s = clock_s
        self._tokens = _Tokens({}, float("-inf"))
        self._known: dict[str, Identity] = {}

    @property
    def needs_token(self) -> bool:
        """False only where everybody may come in. Revoked tokens count: to revoke the last opens nothing."""
        return self._is_public or self._shared is not None or bool(self._tokens.by_id)

    @property
    def has_token(self) -> bool:
        """Whether anybody could be let in at all."""
        alive = (token for token in self._tokens.by_id.values() if token.revoked_unix_s is None)
        return self._shared is not None or any(alive)

    @property
    def tenants(self) -> frozenset[str]:
        """Those that are known, the default one among them."""
        return tenants_of(tuple(self._tokens.by_id.values())) | {DEFAULT_TENANT}

    def identify(self, text: str | None) -> Identity:
        """Whose token this is; None stands for a request that shows none. Raises `Unauthenticated` or `Undecided`."""
        # What is known was proved before. A dictionary compares whole texts only where their keyed hashes agree, so
        # how long this takes tells nothing of them.
        if text is not None and (known := self._known.get(text)) is not None and not self._is_outdated():
            return known
        return self._identify(text)

    def _is_outdated(self) -> bool:
        return self._clock_s() - self._tokens.read_at_s > _BELIEVED_S

    def _identify(self, text: str | None) -> Identity:
        if text is not None and self._shared and hmac.compare_digest(digest_of(text), self._shared):
            return self._remember(text, _SHARED)
        if self._is_outdated():
            raise Undecided("the tokens cannot be read at the moment: send it again later")
        if not self.needs_token:
            return ANYBODY
        token = self._proved(text or "")
        if token is None:
            raise Unauthenticated("no token was sent" if text is None else "this token is unknown or revoked")
        identity = Identity(token.id, token.name, token.role, token.tenant, token.rates)
        return self._remember(text or "", identity)

    def _proved(self, text: str) -> Token | None:
        identifier, secret = parse_token(text) or ("", "")
        token = self._tokens.by_id.get(identifier)
        is_right = hmac.compare_digest(digest_of(secret), token.digest if token else _NOBODYS)
        return token if token and is_right and token.revoked_unix_s is None else None

    def _remember(self, text: str, identity: Identity) -> Identity:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[text] = identity
        return identity

    def require(self, text: str | None, role: Role) -> Identity:
        """Whose token this is, if it is good for what needs `role`. Raises `Forbidden` and as `identify` does."""
        identity = self.identify(text)
        if not identity.role.may(role):
            raise Forbidden(f"this token has the role {identity.role}; here the role {role} is needed")
        return identity

    def require_operator(self, text: str | None) -> Identity:
        """As `require`, for what tells of all tenants together: readers of the default tenant may see it."""
        identity = self.require(text, Role.READ)
        if identity.tenant != DEFAULT_TENANT:
            raise Forbidden(f"this tells of all tenants: a token of the tenant {DEFAULT_TENANT} is needed")
        return identity

    async def refresh(self, meet: Callable[[frozenset[str]], Awaitable[None]] | None = None) -> None:
        """Reads the tokens; `meet` is awaited with all their tenants before any of them is let in.

        Raises `StateUnavailable`; what was read before stays in use for a minute.
        """
        began_s = self._clock_s()
        tokens = tuple(await asyncio.to_thread(self._read))
        if meet:
            await meet(tenants_of(tokens))
        self.learn(tokens, began_s)

    def learn(self, tokens: Sequence[Token], read_at_s: float) -> None:
        """Lets in who has one of these, which were read at a time of the clock, and nobody else."""
        self._tokens = _Tokens({token.id: token for token in tokens}, read_at_s)
        self._known = {}

    async def refresh_steadily(self, meet: Callable[[frozenset[str]], Awaitable[None]] | None = None) -> None:
        """Reads the tokens every two seconds, for ever: a revoked one is refused within five."""
        is_told = False
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh(meet)
            except StateUnavailable as error:
                if not is_told:
                    log.error("the tokens cannot be read; in a minute nobody is let in any more: %s", error)
                is_told = True
            else:
                if is_told:
                    log.info("the tokens can be read again")
                is_told = False
