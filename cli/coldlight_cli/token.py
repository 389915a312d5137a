"""`coldlight token`: who may send and read."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.table import Column, Table

from coldlight_cli.options import with_settings
from coldlight_cli.quantities import format_size, parse_size
from coldlight_cli.settings import Settings
from coldlight_cli.terminal import console, fail

if TYPE_CHECKING:
    from coldlight_storage.state import State
    from coldlight_storage.state.tokens import Rates, Token

T = TypeVar("T")

app = typer.Typer(
    help="Make, list and revoke tokens: who may send and read, and for which tenant.\n\n"
    "Begin with `coldlight token create my-shop --role ingest`, and give what it prints to your senders. From the first"
    " token on, everybody needs one; running services learn of changes within 5 seconds.\n\n"
    "Roles: **ingest** sends, **read** reads, **admin** does both. Every token belongs to a tenant, and each tenant"
    " has a database of its own: nobody sees the rows of another.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Name = Annotated[
    str, typer.Argument(help="What it is for, such as my-shop. It shows in `coldlight token list`.")
]
Identifier = Annotated[str, typer.Argument(help="The id that `coldlight token list` shows.", metavar="ID")]
WantedRole = Annotated[str, typer.Option("--role", help="What it is good for: ingest, read or admin.")]
Tenant = Annotated[
    str,
    typer.Option(
        help="Whose rows it writes and reads: 1 to 32 of a-z, 0-9 and _. A new name makes a new tenant."
    ),
]
Items = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Spans, log records and data points a second. Default: what --token-items says.",
        show_default=False,
    ),
]
Bytes = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Bytes a second, such as 10M. Default: what --token-bytes says.",
        show_default=False,
    ),
]


@app.command()
@with_settings("data", "state")
def create(
    settings: Settings,
    name: Name,
    role: WantedRole,
    tenant: Tenant = "default",
    items_per_second: Items = None,
    bytes_per_second: Bytes = None,
) -> None:
    """Make a token and print it, this once: Coldlight keeps only its hash."""
    from coldlight_storage.state.tokens import Role, create_token

    if role not in list(Role):
        fail(f"--role {role!r}: use one of {', '.join(Role)}")
    rates = _rates(items_per_second, bytes_per_second)
    made, text = _with_state(
        settings, lambda state: create_token(state, name, Role(role), tenant, int(time.time()), rates)
    )
    _say(
        f"Token {made.id} ({made.role}, tenant {made.tenant}). This is the only time it is shown:\n\n  {text}\n"
    )
    if made.role.may(Role.INGEST):
        _say(f"For the environment of an OpenTelemetry SDK:\n\n  {_sdk_line(text)}\n")
    if made.role.may(Role.READ):
        _say(f"To read:\n\n  curl -H 'Authorization: Bearer {text}' http://127.0.0.1:4319/api/v1/traces\n")
    _say(f"Services take it within 5 seconds. It ends with: coldlight token revoke {made.id}")


@app.command("list")
@with_settings("data", "state")
def list_tokens(settings: Settings) -> None:
    """List all tokens, also revoked ones. No secret is shown: none is kept."""
    from coldlight_storage.state.tokens import read_tokens

    found = _with_state(settings, read_tokens)
    if not found:
        _say("There are no tokens: on a loopback address, everybody may send and read.")
        return
    names = ("id", "role", "tenant", "created", "revoked", "limit", "name")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for token in found:
        times = (_time(token.created_unix_s), _time(token.revoked_unix_s))
        table.add_row(token.id, token.role, token.tenant, *times, _limits(token), token.name)
    console.print(table, soft_wrap=True, markup=False)


@app.command()
@with_settings("data", "state")
def revoke(settings: Settings, identifier: Identifier) -> None:
    """End a token for good. Services refuse it within 5 seconds."""
    from coldlight_storage.state.tokens import revoke_token

    token = _with_state(settings, lambda state: revoke_token(state, identifier, int(time.time())))
    _say(f"Token {token.id} ({token.name}) is revoked since {_time(token.revoked_unix_s)}.")


def _with_state(settings: Settings, action: "Callable[[State], T]") -> T:
    from coldlight_cli.state import state_of
    from coldlight_storage.state import StateUnavailable
    from coldlight_storage.state.tokens import UnknownToken

    state = state_of(settings)
    try:
        return action(state)
    except (StateUnavailable, UnknownToken, ValueError) as error:
        fail(str(error))
    finally:
        state.close()


def _rates(items: int | None, size: str | None) -> "Rates":
    from coldlight_storage.state.tokens import Rates

    try:
        return Rates(items, parse_size(size) if size else None)
    except ValueError:
        fail(f"--bytes-per-second {size!r}: a size in bytes, or with K, M, G or T, such as 10M")


def _limits(token: "Token") -> str:
    rates = token.rates
    items = f"{rates.items:,}/s" if rates.items else ""
    parts = (items, f"{format_size(rates.bytes)}/s" if rates.bytes else "")
    return ", ".join(filter(None, parts)) or "-"


def _sdk_line(text: str) -> str:
    return f'export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20{text}"'


def _time(unix_s: int | None) -> str:
    return "-" if unix_s is None else f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%MZ}"


def _say(text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)
