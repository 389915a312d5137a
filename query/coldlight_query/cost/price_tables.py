"""Price tables: what a unit costs, in which region and since when.

A table is a JSON file for one partition of AWS (`aws`, `aws-cn`). A row holds from its day on until a later row of
the same service, region and dimension. `up_to` of a tier is the month's quantity that it reaches to, null the rest.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources
from typing import Any

PARTITIONS = ("aws", "aws-cn")

Key = tuple[str, str, str]
"""Service, region, dimension."""


class PriceTableError(ValueError):
    """A table or overlay is wrong. The text names the row, the field and the fix."""


@dataclass(frozen=True)
class Tier:
    """`price` a unit, for the part of a month's quantity that is above the tiers before and not above `up_to`."""

    up_to: Decimal | None
    price: Decimal


@dataclass(frozen=True)
class Price:
    """One row. `verified` is whether the rate was read in AWS's own page or price list, or in a file made of them."""

    service: str
    region: str
    dimension: str
    unit: str
    tiers: tuple[Tier, ...]
    currency: str
    effective_from: date
    source: str
    verified: bool
    note: str | None = None

    @property
    def key(self) -> Key:
        return self.service, self.region, self.dimension


@dataclass(frozen=True)
class FreeTier:
    """What an account need not pay in a month, of all `dimensions` together and in all regions together."""

    service: str
    dimensions: tuple[str, ...]
    unit: str
    monthly: Decimal
    source: str
    verified: bool


@dataclass(frozen=True)
class Found:
    """A price, and what is doubtful of using it."""

    price: Price
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class PriceTable:
    """All prices of a partition. `version` names the table and its overlays, and goes with every figure."""

    partition: str
    version: str
    currency: str
    default_region: str
    prices: tuple[Price, ...]
    free_tiers: tuple[FreeTier, ...] = ()
    _by_key: Mapping[Key, tuple[Price, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", _by_key(self.prices))

    def find(self, service: str, region: str, dimension: str, day: date) -> Found | None:
        """The price of a unit on a day. A region without one is priced as the default region, and says so; a day before
        the first row has the first. None where the table does not have the dimension at all."""
        doubts: list[str] = []
        rows = self._by_key.get((service, region, dimension))
        if rows is None:
            rows = self._by_key.get((service, self.default_region, dimension))
            where = f"region {region}" if region else "region unknown"
            doubts.append(f"{where}: {service} {dimension} priced as in {self.default_region}")
        if rows is None:
            return None
        price = rows[max(0, bisect_right(rows, day, key=lambda row: row.effective_from) - 1)]
        if day < price.effective_from:
            doubts.append(f"{service} {dimension}: no price known before {price.effective_from}")
        if not price.verified:
            doubts.append(f"{service} {dimension}: the table's price is not verified")
        return Found(price, tuple(doubts))

    def free_tier(self, service: str, dimension: str) -> FreeTier | None:
        """The free tier that a dimension takes part in."""
        for tier in self.free_tiers:
            if tier.service == service and dimension in tier.dimensions:
                return tier
        return None


def _by_key(prices: Iterable[Price]) -> dict[Key, tuple[Price, ...]]:
    rows: dict[Key, list[Price]] = {}
    for price in prices:
        rows.setdefault(price.key, []).append(price)
    return {key: tuple(sorted(found, key=lambda row: row.effective_from)) for key, found in rows.items()}


@cache
def shipped_table(partition: str = "aws") -> PriceTable:
    """The table that comes with Coldlight."""
    file = resources.files("coldlight_query") / "cost" / "prices" / f"{partition}.json"
    return read_table(file.read_text(encoding="utf-8"))


def partition_of(region: str) -> str:
    """Which table prices a region: GovCloud's are in `aws` as far as they are known."""
    return "aws-cn" if region.startswith("cn-") else "aws"


def read_table(text: str) -> PriceTable:
    """A table from its JSON. Raises `PriceTableError`."""
    found = read_object(text)
    sources = found.get("sources", {})
    currency = text_of(found, "currency", "the table")
    prices = tuple(
        read_price(row, f"prices[{number}]", currency, sources)
        for number, row in enumerate(found.get("prices", ()))
    )
    free_tiers = tuple(
        read_free_tier(row, f"free_tiers[{number}]", sources)
        for number, row in enumerate(found.get("free_tiers", ()))
    )
    _refuse_repeats(prices)
    names = {name: text_of(found, name, "the table") for name in ("partition", "version", "default_region")}
    return PriceTable(**names, currency=currency, prices=prices, free_tiers=free_tiers)


def read_object(text: str) -> dict[str, Any]:
    """A JSON object. Numbers with a point are read as `Decimal`: 0.1 is a tenth. Raises `PriceTableError`."""
    try:
        found = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise PriceTableError(f"this is not JSON: {error}") from None
    if type(found) is not dict:
        raise PriceTableError("a price table is a JSON object with `prices`")
    return found


def read_price(row: Mapping[str, Any], where: str, currency: str, sources: Mapping[str, str]) -> Price:
    """A row of `prices`. Raises `PriceTableError`."""
    since = text_of(row, "effective_from", where)
    try:
        effective_from = date.fromisoformat(since)
    except ValueError:
        raise PriceTableError(f"{where}: effective_from {since!r}: a day, such as 2026-11-23") from None
    names = {name: text_of(row, name, where) for name in ("service", "region", "dimension", "unit")}
    return Price(
        **names,
        tiers=_read_tiers(row.get("tiers"), where),
        currency=str(row.get("currency", currency)),
        effective_from=effective_from,
        source=_source(row, sources),
        verified=row.get("verified") is True,
        note=row.get("note"),
    )


def read_free_tier(row: Mapping[str, Any], where: str, sources: Mapping[str, str]) -> FreeTier:
    """A row of `free_tiers`. Raises `PriceTableError`."""
    dimensions = row.get("dimensions")
    if type(dimensions) is not list or not dimensions:
        raise PriceTableError(f"{where}: `dimensions` is a list of at least one")
    return FreeTier(
        service=text_of(row, "service", where),
        dimensions=tuple(map(str, dimensions)),
        unit=text_of(row, "unit", where),
        monthly=amount_of(row.get("monthly"), f"{where}: monthly"),
        source=_source(row, sources),
        verified=row.get("verified") is True,
    )


def _read_tiers(rows: Any, where: str) -> tuple[Tier, ...]:
    if type(rows) is not list or not rows or not all(type(row) is dict for row in rows):
        raise PriceTableError(f'{where}: `tiers` is a list such as [{{"up_to": null, "price": "0.0000002"}}]')
    tiers = tuple(
        Tier(
            None if row.get("up_to") is None else amount_of(row["up_to"], f"{where}: up_to"),
            amount_of(row.get("price"), f"{where}: price"),
        )
        for row in rows
    )
    *bounded, last = [tier.up_to for tier in tiers]
    limits = [limit for limit in bounded if limit is not None]
    if last is not None or len(limits) < len(bounded) or limits != sorted(set(limits)):
        raise PriceTableError(f"{where}: `up_to` of tiers rises, and is null for the last alone")
    return tiers


def amount_of(value: Any, where: str) -> Decimal:
    """A price or quantity, as text or a number. Raises `PriceTableError`."""
    try:
        amount = Decimal(value) if type(value) in (str, int, Decimal) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or amount < 0:
        raise PriceTableError(f'{where} {value!r}: a number of 0 or more, best as text: "0.0000002"')
    return amount


def text_of(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if type(value) is not str or not value:
        raise PriceTableError(f"{where}: `{name}` is missing")
    return value


def _source(row: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    named = str(row.get("source", "not said"))
    return sources.get(named, named)


def _refuse_repeats(prices: Iterable[Price]) -> None:
    seen = set()
    for price in prices:
        identity = (*price.key, price.effective_from)
        if identity in seen:
            raise PriceTableError(f"{' '.join(price.key)} has two rows from {price.effective_from}")
        seen.add(identity)
