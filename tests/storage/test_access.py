"""Who is let in, and who is not: closed wherever it is not certain."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from coldlight_storage.access import Access, Denied, Forbidden, Unauthenticated, Undecided
from coldlight_storage.state import StateUnavailable
from coldlight_storage.state.tokens import Role, Token
from coldlight_storage.testing import token, tokens_known

SENDER, SENDERS_TEXT = token(1, Role.INGEST, tenant="a")
READER, READERS_TEXT = token(2, Role.READ, tenant="b")
ADMIN, ADMINS_TEXT = token(3, Role.ADMIN)
SHARED = "correct-horse-battery-staple"


@dataclass
class Watched:
    """An access whose tokens and whose time a test changes; reading fails while `failure` is set."""

    tokens: Sequence[Token] = ()
    failure: StateUnavailable | None = None
    now_s: float = 0.0
    shared: str | None = None
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        self.access = Access(self.read, self.shared, clock_s=lambda: self.now_s)

    def read(self) -> Sequence[Token]:
        if self.failure:
            raise self.failure
        return self.tokens


def test_a_token_tells_whose_it_is() -> None:
    access = tokens_known(SENDER, READER)
    found = access.identify(SENDERS_TEXT)
    assert (found.token, found.name, found.role, found.tenant) == (SENDER.id, "token 1", Role.INGEST, "a")
    assert access.identify(READERS_TEXT).tenant == "b"
    assert access.identify(SENDERS_TEXT) == found  # now from memory


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "cl_",
        SENDERS_TEXT[:-1],
        SENDERS_TEXT[:-1] + "0",
        SENDERS_TEXT + "0",
        SENDERS_TEXT.upper(),
        f" {SENDERS_TEXT}",
        f"cl_{READER.id}_{SENDERS_TEXT[-64:]}",
        f"cl_{'f' * 12}_{SENDERS_TEXT[-64:]}",
        f"cl_{SENDER.id}_{SENDER.digest}",
        "ü",
        "\udcff",
        "x" * 100_000,
    ],
    ids=range(14),
)
def test_anything_else_is_nobodys(shown: str | None) -> None:
    access = tokens_known(SENDER, READER, shared=SHARED)
    access.identify(SENDERS_TEXT)
    with pytest.raises(Unauthenticated):
        access.identify(shown)


@pytest.mark.parametrize(
    ("shown", "may"),
    [
        (SENDERS_TEXT, {Role.INGEST}),
        (READERS_TEXT, {Role.READ}),
        (ADMINS_TEXT, set(Role)),
        (SHARED, set(Role)),
    ],
    ids=["ingest", "read", "admin", "shared"],
)
def test_a_role_is_good_for_this(shown: str, may: set[Role]) -> None:
    access = tokens_known(SENDER, READER, ADMIN, shared=SHARED)
    for role in Role:
        if role in may:
            assert access.require(shown, role)
        else:
            with pytest.raises(Forbidden, match=f"here the role {role} is needed"):
                access.require(shown, role)


def test_what_tells_of_all_tenants_is_for_readers_of_the_default_one() -> None:
    access = tokens_known(READER, ADMIN, shared=SHARED)
    assert access.require_operator(ADMINS_TEXT)
    assert access.require_operator(SHARED)
    with pytest.raises(Forbidden, match="a token of the tenant default is needed"):
        access.require_operator(READERS_TEXT)


def test_without_any_token_everybody_is_let_in_on_a_private_port() -> None:
    access = tokens_known()
    assert [access.identify(shown).tenant for shown in (None, "anything")] == ["default", "default"]
    assert access.require(None, Role.ADMIN)


def test_without_any_token_nobody_is_let_in_on_a_public_port() -> None:
    access = tokens_known(is_public=True)
    with pytest.raises(Unauthenticated, match="no token was sent"):
        access.identify(None)


def test_to_revoke_the_last_token_opens_nothing() -> None:
    access = tokens_known(replace(SENDER, revoked_unix_s=1))
    for shown in (None, SENDERS_TEXT):
        with pytest.raises(Unauthenticated):
            access.identify(shown)
    assert (access.needs_token, access.has_token) == (True, False)


async def test_a_revoked_token_is_forgotten_with_the_next_reading() -> None:
    watched = Watched((SENDER,))
    await watched.access.refresh()
    assert watched.access.identify(SENDERS_TEXT)
    watched.tokens = (replace(SENDER, revoked_unix_s=1),)
    await watched.access.refresh()
    with pytest.raises(Unauthenticated, match="unknown or revoked"):
        watched.access.identify(SENDERS_TEXT)


async def test_the_first_token_closes_the_door() -> None:
    watched = Watched()
    await watched.access.refresh()
    assert watched.access.identify(None)
    watched.tokens = (SENDER,)
    await watched.access.refresh()
    with pytest.raises(Unauthenticated):
        watched.access.identify(None)


async def test_before_the_tokens_were_ever_read_nobody_is_let_in() -> None:
    watched = Watched(failure=StateUnavailable("away"))
    with pytest.raises(StateUnavailable):
        await watched.access.refresh()
    for shown in (None, SENDERS_TEXT):
        with pytest.raises(Undecided) as denied:
            watched.access.identify(shown)
        assert denied.value.retry_after_s > 0


async def test_tokens_are_believed_for_a_minute_and_no_longer() -> None:
    watched = Watched((SENDER,))
    await watched.access.refresh()
    watched.failure = StateUnavailable("away")
    watched.now_s = 60.0
    with pytest.raises(StateUnavailable):
        await watched.access.refresh()
    assert watched.access.identify(SENDERS_TEXT)
    watched.now_s = 60.1
    for shown in (SENDERS_TEXT, None, "guess"):
        with pytest.raises(Undecided, match="send it again later"):
            watched.access.identify(shown)
    watched.failure = None
    await watched.access.refresh()
    assert watched.access.identify(SENDERS_TEXT)


async def test_an_open_door_is_closed_too_when_it_is_not_known_to_be_open_any_more() -> None:
    watched = Watched()
    await watched.access.refresh()
    watched.now_s = 61.0
    with pytest.raises(Undecided):
        watched.access.identify(None)


def test_the_shared_token_needs_no_state() -> None:
    watched = Watched(failure=StateUnavailable("away"), shared=SHARED)
    assert watched.access.require(SHARED, Role.INGEST).tenant == "default"
    with pytest.raises(Denied):
        watched.access.identify(SENDERS_TEXT)


async def test_a_tenant_is_met_before_its_token_is_let_in() -> None:
    watched, met = Watched((SENDER,)), list[frozenset[str]]()

    async def meet(tenants: frozenset[str]) -> None:
        with pytest.raises(Denied):
            watched.access.identify(SENDERS_TEXT)
        met.append(tenants)

    await watched.access.refresh(meet)
    assert met == [frozenset({"a"})]
    assert watched.access.identify(SENDERS_TEXT)
    assert watched.access.tenants == {"a", "default"}
