"""`coldlight prices`: what things cost, and how to have newer or other prices."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from coldlight_cli.options import with_settings
from coldlight_cli.settings import Settings
from coldlight_cli.terminal import console, fail

if TYPE_CHECKING:
    from coldlight_query.cost.overlays import Overlay
    from coldlight_query.cost.price_tables import Price

app = typer.Typer(
    help="Show prices, compare them, and take over AWS's price list.\n\n"
    "AWS publishes its list at https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AWSLambda/current/index.json, and so"
    " for other services. `coldlight prices import index.json --to prices.json` makes a file of it that `--prices` takes.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

File = Annotated[Path, typer.Argument(help="Prices of your own, or an offer file of AWS.", metavar="FILE")]
Service = Annotated[str | None, typer.Option(help="Only this service's, such as lambda.", show_default=False)]
Region = Annotated[str | None, typer.Option(help="Only this region's.", show_default=False)]
To = Annotated[Path | None, typer.Option(help="Write it there, and not to the terminal.", show_default=False)]


@app.command("list")
@with_settings("prices")
def list_prices(settings: Settings, service: Service = None, region: Region = None) -> None:
    """List the prices in force, those of --prices included. What could not be verified has a ?."""
    from coldlight_query.cost.overlays import tables_in_force
    from coldlight_query.cost.price_tables import PriceTableError

    try:
        tables = tables_in_force(settings.prices)
    except PriceTableError as error:
        fail(str(error))
    names = ("service", "region", "dimension", "from", "price a unit", "unit", "")
    shown = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for price in [price for table in tables.values() for price in table.prices]:
        if service in (None, price.service) and region in (None, price.region):
            since = str(price.effective_from)
            rate = f"{_rates(price)} {price.currency}"
            shown.add_row(*price.key, since, rate, price.unit, "" if price.verified else "?")
    for partition, table in tables.items():
        _say(f"{partition}: {table.version}")
    console.print(shown, soft_wrap=True, markup=False, highlight=False)


@app.command()
@with_settings("prices")
def diff(settings: Settings, file: File) -> None:
    """Show which prices FILE would change. Exit status 1 where there are any."""
    from coldlight_query.cost.overlays import changes, tables_in_force
    from coldlight_query.cost.price_tables import PriceTableError

    overlay = _overlay(file)
    try:
        found = changes(tables_in_force(settings.prices)[overlay.partition], overlay)
    except PriceTableError as error:
        fail(str(error))
    for change in found:
        before = _rates(change.before) if change.before else "none"
        after = change.after
        _say(
            f"{' '.join(after.key)} from {after.effective_from}: {before} -> {_rates(after)} {after.currency}"
        )
    if found:
        raise typer.Exit(1)
    _say("No price would change.")


@app.command("import")
def import_offer(file: File, to: To = None) -> None:
    """Make a file for --prices of AWS's price list: FILE is an offer file in JSON, of any of the services known here."""
    from coldlight_query.cost.offer_files import overlay_of_offer
    from coldlight_query.cost.price_tables import PriceTableError

    try:
        made = json.dumps(overlay_of_offer(_text(file)), indent=2) + "\n"
    except PriceTableError as error:
        fail(f"{file}: {error}")
    if to is None:
        typer.echo(made, nl=False)
        return
    try:
        to.write_text(made, encoding="utf-8")
    except OSError as error:
        fail(f"{to}: {error.strerror}")
    _say(f"Wrote {to}. It counts with --prices {to}; `coldlight prices diff {to}` shows what that changes.")


def _overlay(file: Path) -> "Overlay":
    from coldlight_query.cost.offer_files import overlay_of_offer
    from coldlight_query.cost.overlays import read_overlay
    from coldlight_query.cost.price_tables import PriceTableError

    text = _text(file)
    try:
        return read_overlay(json.dumps(overlay_of_offer(text)) if '"offerCode"' in text else text)
    except PriceTableError as error:
        fail(f"{file}: {error}")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{file}: no text in UTF-8")


def _rates(price: "Price") -> str:
    return ", ".join(f"{tier.price:f}" for tier in price.tiers)


def _say(text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False, markup=False)
