"""`coldlight journal`: look at what the collector holds, and give back what ClickHouse refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from coldlight_cli.options import with_settings
from coldlight_cli.settings import Settings
from coldlight_cli.terminal import console, fail

app = typer.Typer(
    help="Look at what the collector holds on disk: segments that wait for ClickHouse, and quarantined ones.\n\n"
    "Begin with `coldlight journal list`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
File = Annotated[
    Path, typer.Argument(help="A file that `coldlight journal list` shows.", exists=True, dir_okay=False)
]
Number = Annotated[int | None, typer.Option(min=0, help="Show this request whole, in protobuf's text form.")]


@app.command("list")
@with_settings("data")
def list_entries(settings: Settings) -> None:
    """List the files of the journal under `--data`, oldest first. Safe while a collector runs."""
    from coldlight_collector.journal.ledger import entries

    found = entries(settings.data / "journal")
    if not found:
        console.print("The journal is empty: all that was acknowledged is in ClickHouse.")
        return
    table = Table(
        "received", "requests", "items", "bytes", "state", Column("file", overflow="fold"), box=None
    )
    for each in found:
        state = f"{each.state}, torn" if each.is_torn else each.state
        held = each.contents
        counts = (f"{number:,}" for number in (held.requests, held.items, each.size))
        table.add_row(_time(held.received_ns), *counts, state, str(each.path))
    console.print(table, soft_wrap=True)


@app.command()
def inspect(file: File, request: Number = None) -> None:
    """Show what is in a file of the journal: every request, or one of them whole (`--request 0`).

    A request shown whole shows what the sender sent: names, addresses, payloads.
    """
    from coldlight_collector.journal.ledger import requests

    try:
        for number, each in enumerate(requests(file)):
            if request is None:
                what = "readable" if each.is_readable else each.text
                size = each.frame.end - each.frame.start
                console.print(
                    f"{number:6}  {_time(each.frame.received_ns)}  {each.frame.items:,} items  {size:,} bytes  {what}",
                    soft_wrap=True,
                    highlight=False,
                )
            elif number == request:
                console.print(each.text, soft_wrap=True, highlight=False, markup=False)
                return
    except ValueError as error:
        fail(str(error))
    if request is not None:
        fail(f"{file} has no request {request}; `coldlight journal inspect {file}` shows those it has")


@app.command()
def replay(file: File) -> None:
    """Put a quarantined file (`.rejected`) back into the queue, for instance after an upgrade. Stop the collector first.

    The next start of the collector inserts it, and quarantines again what ClickHouse still refuses.
    """
    from coldlight_collector.journal.ledger import replay as put_back
    from coldlight_storage import DataFolderInUse

    try:
        queued = put_back(file)
    except (ValueError, DataFolderInUse, OSError) as error:
        fail(str(error))
    console.print(f"{queued} is inserted at the next start of the collector.", soft_wrap=True)


def _time(unix_ns: int) -> str:
    return f"{datetime.fromtimestamp(unix_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}" if unix_ns else "-"
