"""Prices and discounts of one's own, over the shipped tables.

An overlay is a JSON file: `{"version": "acme-2026", "prices": [...], "discounts": [...]}`. Its prices are rows as in a
table; one from the same day takes the place of the shipped one, others stand beside it. A discount (a Savings Plan, a
private rate) takes `percent` off all prices of `service` whose region and dimension it names, or off all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from coldlight_query.cost.price_tables import (
    PARTITIONS,
    FreeTier,
    Price,
    PriceTable,
    PriceTableError,
    Tier,
    amount_of,
    read_free_tier,
    read_object,
    read_price,
    shipped_table,
    text_of,
)
from coldlight_query.cost.usage import EXACT


@dataclass(frozen=True)
class Discount:
    """So many percent off. No regions or dimensions named means all of the service's."""

    service: str
    percent: Decimal
    regions: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()

    def is_for(self, price: Price) -> bool:
        return (
            price.service == self.service
            and (not self.regions or price.region in self.regions)
            and (not self.dimensions or price.dimension in self.dimensions)
        )


@dataclass(frozen=True)
class Overlay:
    """What an overlay's file says. `free_tiers` None leaves the table's; an empty list is how to have none."""

    version: str
    partition: str
    prices: tuple[Price, ...]
    discounts: tuple[Discount, ...]
    free_tiers: tuple[FreeTier, ...] | None = None


def tables_in_force(overlay_file: Path | None = None) -> dict[str, PriceTable]:
    """The table of each partition, under the overlay if there is one. Raises `PriceTableError`, with the file's name."""
    tables = {partition: shipped_table(partition) for partition in PARTITIONS}
    if overlay_file is None:
        return tables
    try:
        overlay = read_overlay(overlay_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise PriceTableError(f"{overlay_file}: {error.strerror}") from None
    except (PriceTableError, UnicodeDecodeError) as error:
        raise PriceTableError(f"{overlay_file}: {error}") from None
    return {**tables, overlay.partition: overlaid(tables[overlay.partition], overlay)}


def read_overlay(text: str) -> Overlay:
    """An overlay from its JSON. Raises `PriceTableError`."""
    found = read_object(text)
    partition = found.get("partition", "aws")
    if partition not in PARTITIONS:
        raise PriceTableError(f"partition {partition!r}: one of {', '.join(PARTITIONS)}")
    sources, currency = found.get("sources", {}), shipped_table(partition).currency
    return Overlay(
        version=text_of(found, "version", "the overlay"),
        partition=partition,
        prices=tuple(
            read_price({"source": "overlay", "verified": True, **row}, f"prices[{number}]", currency, sources)
            for number, row in enumerate(_rows(found, "prices"))
        ),
        discounts=tuple(
            _read_discount(row, f"discounts[{number}]")
            for number, row in enumerate(_rows(found, "discounts"))
        ),
        free_tiers=_read_free_tiers(found, sources),
    )


def _read_free_tiers(found: Mapping[str, Any], sources: Mapping[str, str]) -> tuple[FreeTier, ...] | None:
    if "free_tiers" not in found:
        return None
    rows = enumerate(_rows(found, "free_tiers"))
    return tuple(read_free_tier(row, f"free_tiers[{number}]", sources) for number, row in rows)


def _rows(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = found.get(name, [])
    if type(rows) is not list or not all(type(row) is dict for row in rows):
        raise PriceTableError(f"`{name}` is a list of objects")
    return rows


def _read_discount(row: Mapping[str, Any], where: str) -> Discount:
    percent = amount_of(row.get("percent"), f"{where}: percent")
    if percent > 100:
        raise PriceTableError(f"{where}: percent {percent}: 100 at most")
    listed = {name: tuple(map(str, row.get(name, ()))) for name in ("regions", "dimensions")}
    return Discount(text_of(row, "service", where), percent, **listed)


def overlaid(table: PriceTable, overlay: Overlay) -> PriceTable:
    """The table under an overlay; its version names both."""
    own = {(price.key, price.effective_from): price for price in overlay.prices}
    rows: dict[tuple[Any, date], Price] = {(price.key, price.effective_from): price for price in table.prices}
    return PriceTable(
        partition=table.partition,
        version=f"{table.version}+{overlay.version}",
        currency=table.currency,
        default_region=table.default_region,
        prices=tuple(_discounted(price, overlay) for price in {**rows, **own}.values()),
        free_tiers=table.free_tiers if overlay.free_tiers is None else overlay.free_tiers,
    )


def _discounted(price: Price, overlay: Overlay) -> Price:
    discounts = [discount for discount in overlay.discounts if discount.is_for(price)]
    for discount in discounts:
        left = EXACT.divide(EXACT.subtract(Decimal(100), discount.percent), Decimal(100))
        tiers = tuple(Tier(tier.up_to, EXACT.multiply(tier.price, left)) for tier in price.tiers)
        note = f"{discount.percent} % off by {overlay.version}"
        price = replace(price, tiers=tiers, note=note)
    return price


@dataclass(frozen=True)
class Change:
    """A price of an overlay that is another one than the table's of that day; `before` is None where there is none."""

    after: Price
    before: Price | None


def changes(table: PriceTable, overlay: Overlay) -> list[Change]:
    """What an overlay would change, discounts included, in order of service, region and dimension."""
    found = []
    for price in overlaid(table, overlay).prices:
        known = [
            row for row in table.prices if row.key == price.key and row.effective_from <= price.effective_from
        ]
        before = max(known, key=lambda row: row.effective_from, default=None)
        if before is None or before.tiers != price.tiers:
            found.append(Change(price, before))
    return sorted(found, key=lambda change: (*change.after.key, change.after.effective_from))
