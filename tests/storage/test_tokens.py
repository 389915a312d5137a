"""Tokens in the state: what is kept of them, in SQLite and, where it is installed, in PostgreSQL."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from coldlight_storage.state import State, StateUnavailable, open_state
from coldlight_storage.state.tokens import (
    Rates,
    Role,
    UnknownToken,
    create_token,
    parse_token,
    read_tokens,
    revoke_token,
)
from coldlight_storage.testing import NOON

NOW_S = int(NOON.timestamp())


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    """Each form of the state in turn, without a token in it."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    state = open_state(url, tmp_path)
    with state.transaction() as connection:
        connection.execute(text("DELETE FROM tokens"))
    yield state
    state.close()


def test_a_token_is_read_back_as_it_was_made(state: State) -> None:
    made, _ = create_token(state, "my shop", Role.INGEST, "team_a", NOW_S, Rates(items=100, bytes=None))
    assert read_tokens(state) == (made,)
    assert (made.name, made.role, made.tenant, made.created_unix_s) == (
        "my shop",
        Role.INGEST,
        "team_a",
        NOW_S,
    )
    assert (made.revoked_unix_s, made.rates) == (None, Rates(items=100, bytes=None))


def test_no_two_tokens_are_alike(state: State) -> None:
    texts = {create_token(state, "shop", Role.READ, "default", NOW_S)[1] for _ in range(20)}
    assert len({text[-64:] for text in texts}) == len({text[:15] for text in texts}) == 20
    assert all(re.fullmatch("cl_[0-9a-f]{12}_[0-9a-f]{64}", text) for text in texts)


def test_what_is_kept_does_not_hold_the_secret(tmp_path: Path) -> None:
    state = open_state(None, tmp_path)
    made, text = create_token(state, "shop", Role.INGEST, "default", NOW_S)
    state.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    identifier, secret = parse_token(text) or ("", "")
    assert identifier.encode() in kept
    assert secret.encode() not in kept
    assert bytes.fromhex(secret) not in kept
    assert secret not in repr(made)


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    state = open_state(None, tmp_path / "new folder")
    read_tokens(state)
    state.close()
    assert (tmp_path / "new folder" / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_revoked_token_stays_revoked_since_the_first_time(state: State) -> None:
    made, _ = create_token(state, "shop", Role.INGEST, "default", NOW_S)
    assert revoke_token(state, made.id, NOW_S + 1).revoked_unix_s == NOW_S + 1
    assert revoke_token(state, made.id, NOW_S + 2).revoked_unix_s == NOW_S + 1
    [kept] = read_tokens(state)
    assert kept.revoked_unix_s == NOW_S + 1


def test_a_token_that_is_not_there_cannot_be_revoked(state: State) -> None:
    with pytest.raises(UnknownToken, match="'0123'; `coldlight token list` shows"):
        revoke_token(state, "0123", NOW_S)


@pytest.mark.parametrize(
    "tenant", ["", "A", "a-b", "a b", "ä", "x" * 33, "default; DROP", "a\n", "../a", "`"]
)
def test_a_name_that_is_no_tenants_is_refused(state: State, tenant: str) -> None:
    with pytest.raises(ValueError, match=r"tenant .* does not do: 1 to 32 of a-z, 0-9 and _"):
        create_token(state, "shop", Role.INGEST, tenant, NOW_S)
    assert read_tokens(state) == ()


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", "\x1b[31m"])
def test_a_name_that_a_list_cannot_show_is_refused(state: State, name: str) -> None:
    with pytest.raises(ValueError, match="does not do: 1 to 100 printable characters"):
        create_token(state, name, Role.INGEST, "default", NOW_S)


def test_names_are_text_and_nothing_else(state: State) -> None:
    create_token(state, "'); DROP TABLE tokens; --", Role.READ, "default", NOW_S)
    assert [token.name for token in read_tokens(state)] == ["'); DROP TABLE tokens; --"]


def test_several_processes_may_begin_at_once(tmp_path: Path) -> None:
    states = [open_state(None, tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        made = list(
            threads.map(lambda state: create_token(state, "shop", Role.READ, "default", NOW_S)[0], states)
        )
    assert {token.id for token in read_tokens(states[0])} == {token.id for token in made}
    for state in states:
        state.close()


def test_a_state_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"no database at all, but long enough to look into" * 100)
    state = open_state(None, tmp_path)
    with pytest.raises(StateUnavailable, match=r"state\.db cannot be used: .*--state names another"):
        read_tokens(state)
    state.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    state = open_state(None, tmp_path / "file")
    with pytest.raises(StateUnavailable, match=r"file/state\.db cannot be used: "):
        read_tokens(state)
    state.close()


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    state = open_state("postgresql://shop:s3cret@127.0.0.1:1/coldlight", Path())
    with pytest.raises(StateUnavailable, match="cannot be used") as raised:
        read_tokens(state)
    assert "127.0.0.1:1/coldlight" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    state.close()


@pytest.mark.parametrize(
    "url", ["", "mysql://host/database", "postgresql://host", "sqlite:///file", "postgresql:"]
)
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="postgresql://user:password@host:5432/database"):
        open_state(url, Path())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cl_",
        "cl_0_0",
        f"cl_{'0' * 12}_{'0' * 63}",
        f"CL_{'0' * 12}_{'0' * 64}",
        f"cl_{'0' * 12}_{'0' * 64}\n",
    ],
)
def test_what_is_no_token_is_not_read_as_one(text: str) -> None:
    assert parse_token(text) is None
