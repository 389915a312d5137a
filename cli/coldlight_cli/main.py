"""The `coldlight` command."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from coldlight_cli import journal, prices, token
from coldlight_cli.options import with_settings
from coldlight_cli.settings import Settings
from coldlight_cli.terminal import console, errors, fail

if TYPE_CHECKING:
    from coldlight_cli.services import Running, Services

app = typer.Typer(
    help="Self-hosted, OpenTelemetry-native tracing and monitoring for serverless applications.\n\n"
    "Begin with `coldlight up`, then, in a second terminal, `coldlight demo`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,  # they hold what was sent
)
app.add_typer(journal.app, name="journal")
app.add_typer(token.app, name="token")
app.add_typer(prices.app, name="prices")

_STORE = ("clickhouse", "data", "memory", "retention_traces", "retention_logs", "retention_metrics")
_COLLECTOR = (
    "otlp_http_port", "otlp_grpc_port", "zipkin_port", "xray_port", "cors_origins", "journal_limit", "max_request",
    "max_request_decompressed", "max_request_expanded",
    "max_connections", "max_connections_per_address", "batch_rows", "batch_bytes", "batch_linger_ms", "self_trace",
    "xray_host", "token_items", "token_bytes",
)  # fmt: skip
_QUERY = ("query_port", "query_timeout", "prices")
_PROCESS = ("host", "state", "auth_token", "tls_cert", "tls_key", "drain_seconds", "log_level", "log_format")


def _version(wanted: bool) -> None:
    if wanted:
        from coldlight_storage import __version__

        console.print(f"coldlight {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program as a whole."""


@app.command()
@with_settings(*_STORE, *_COLLECTOR, *_QUERY, *_PROCESS)
def up(settings: Settings) -> None:
    """Start everything: collector and query service, on embedded ClickHouse or a server.

    Without `--clickhouse`, ClickHouse runs inside this process and keeps its data in `--data`.
    Stop it with Ctrl-C; what was acknowledged is kept.

    Point any OpenTelemetry SDK at it: `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318`
    """
    from coldlight_cli.services import Services

    _run(settings, Services.COLLECTOR | Services.QUERY)


@app.command()
@with_settings(*_STORE, *_COLLECTOR, *_PROCESS)
def collector(settings: Settings) -> None:
    """Start a collector alone: it receives OTLP and stores it in the ClickHouse server of `--clickhouse`."""
    _need_server(settings, "collector")
    from coldlight_cli.services import Services

    _run(settings, Services.COLLECTOR)


@app.command()
@with_settings("clickhouse", "data", *_QUERY, *_PROCESS)
def query(settings: Settings) -> None:
    """Start a query service alone, on the ClickHouse server of `--clickhouse`."""
    _need_server(settings, "query")
    from coldlight_cli.services import Services

    _run(settings, Services.QUERY)


@app.command()
@with_settings(*_STORE, "state", "log_level", "log_format")
def migrate(settings: Settings) -> None:
    """Create or upgrade the tables and set how long rows are kept. Safe to run again, and while services run."""
    _log(settings)
    _explained(lambda: _migrate(settings))


@app.command()
def demo(
    endpoint: Annotated[
        str | None,
        typer.Option(
            envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
            help="Where OTLP/HTTP goes.",
            show_default="http://127.0.0.1:4318",
        ),
    ] = None,
    query_url: Annotated[str, typer.Option(help="Where the printed links point.")] = "http://127.0.0.1:4319",
    requests: Annotated[int, typer.Option(min=1, help="Orders that customers of the shop place.")] = 50,
    seconds: Annotated[int, typer.Option(help="Over how many seconds, up to now.")] = 900,
    seed: Annotated[int, typer.Option(help="The same seed gives the same course of events.")] = 0,
) -> None:
    """Send the traffic of a simulated serverless shop, and print the links to look at.

    Functions behind API Gateway, queues, streams and schedules, with logs, metrics, cold starts, retries,
    errors and a timeout, reported through the real OpenTelemetry SDK.
    """  # fmt: skip
    from coldlight_cli.demo import DemoError, run

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=errors, transient=True) as progress:
            task = progress.add_task("orders", total=requests)
            result = run(
                endpoint, requests, seconds, seed, lambda done, _: progress.update(task, completed=done)
            )
    except DemoError as error:
        fail(str(error))
    console.print(
        f"Sent {result.spans:,} spans, {result.logs:,} log records and {result.data_points:,} data points.\n"
    )
    for kind, trace_id in result.traces.items():
        _print_link(kind.replace("_", " "), f"{query_url}/api/v1/traces/{trace_id}")
    _print_link("all errors", f"{query_url}/api/v1/traces?status=error")
    _print_link("the whole API", f"{query_url}/docs")


def _print_link(name: str, url: str) -> None:
    console.print(f"  {name:14} {url}", soft_wrap=True, highlight=False)


def _need_server(settings: Settings, command: str) -> None:
    if settings.clickhouse is None:
        fail(
            f"`coldlight {command}` needs a ClickHouse server: --clickhouse http://user:password@host:8123/database. "
            "For everything in one process, on embedded ClickHouse: `coldlight up`"
        )


def _run(settings: Settings, services: "Services") -> None:
    from coldlight_cli.services import run

    _log(settings)

    def started(running: "Running") -> None:
        console.print("[bold]Coldlight is up[/bold]")
        for name, address in running.addresses:
            console.print(f"  {name:11} {address}", soft_wrap=True, highlight=False)
        for note in running.notes:
            console.print(f"  [yellow]note[/yellow]        {note}", soft_wrap=True)
        console.print(
            "Stop with Ctrl-C. To see something, run in another terminal: coldlight demo", soft_wrap=True
        )

    _explained(lambda: run(settings, services, started))


def _migrate(settings: Settings) -> None:
    from coldlight_cli.services import migrate_all

    migrate_all(settings)
    console.print("The tables are up to date.")


def _explained(run: Callable[[], None]) -> None:
    """Runs it; what a person can mend ends the command with one clear line instead of a traceback."""
    from coldlight_cli.services import AUTHENTICATION_FAILED, PublicWithoutTokens
    from coldlight_query.cost.price_tables import PriceTableError
    from coldlight_storage import DataFolderInUse, NewerSchema, StoreError, StoreUnavailable
    from coldlight_storage.state import StateUnavailable

    try:
        run()
    except StoreError as error:
        if error.code == AUTHENTICATION_FAILED:
            fail(f"ClickHouse refuses the user or password in --clickhouse: {error}")
        fail(f"ClickHouse {'does not answer' if isinstance(error, StoreUnavailable) else 'refuses'}: {error}")
    except (
        DataFolderInUse,
        NewerSchema,
        OSError,
        PriceTableError,
        PublicWithoutTokens,
        StateUnavailable,
    ) as error:
        fail(str(error))


def _log(settings: Settings) -> None:
    from coldlight_cli import logs

    logs.configure(settings.log_level, settings.log_format)


def main() -> None:
    """Entry point of the `coldlight` command."""
    app(prog_name="coldlight")


if __name__ == "__main__":
    main()
