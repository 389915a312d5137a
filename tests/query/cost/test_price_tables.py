"""The shipped tables, and one's own prices over them."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from coldlight_query.cost.overlays import overlaid, read_overlay, tables_in_force
from coldlight_query.cost.price_tables import (
    PARTITIONS,
    PriceTable,
    PriceTableError,
    read_table,
    shipped_table,
)

DAY = date(2026, 11, 23)


def rate(
    table: PriceTable, dimension: str, day: date = DAY, service: str = "lambda", region: str = "us-east-1"
) -> Decimal:
    found = table.find(service, region, dimension, day)
    assert found is not None
    return found.price.tiers[0].price


@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_shipped_price_names_its_source(partition: str) -> None:
    table = shipped_table(partition)
    assert all(len(price.source) > 10 for price in table.prices)
    assert {price.currency for price in table.prices} == {table.currency}


def test_a_price_holds_from_its_day_on() -> None:
    """DynamoDB halved on-demand requests on 1 November 2024."""
    table = shipped_table()
    assert rate(table, "write_units", date(2024, 10, 31), "dynamodb") == Decimal("0.00000125")
    assert rate(table, "write_units", date(2024, 11, 1), "dynamodb") == Decimal("0.000000625")


def test_a_price_that_could_not_be_verified_says_so() -> None:
    found = shipped_table().find("dynamodb", "us-east-1", "write_units", date(2020, 1, 1))
    assert found is not None
    assert found.doubts == ("dynamodb write_units: the table's price is not verified",)


def test_a_day_before_the_first_price_has_the_first() -> None:
    found = shipped_table().find("lambda", "us-east-1", "requests", date(2019, 1, 1))
    assert found is not None
    assert found.doubts == ("lambda requests: no price known before 2022-08-01",)


def test_a_dimension_that_is_nowhere_has_no_price() -> None:
    assert shipped_table().find("lambda", "us-east-1", "wishes", DAY) is None


def test_an_overlay_brings_discounts_and_prices_and_its_version(tmp_path: Path) -> None:
    file = tmp_path / "acme.json"
    file.write_text("""{
        "version": "acme-1",
        "prices": [{"service": "sqs", "region": "us-east-1", "dimension": "requests", "unit": "request",
                    "tiers": [{"up_to": null, "price": "0.0000001"}], "effective_from": "2026-11-01"}],
        "discounts": [{"service": "lambda", "dimensions": ["gb_seconds_x86"], "percent": 17}]
    }""")
    table = tables_in_force(file)["aws"]
    assert table.version == "2026-11-23+acme-1"
    assert rate(table, "gb_seconds_x86") == Decimal("0.0000166667") * Decimal("0.83")
    assert rate(table, "gb_seconds_arm") == Decimal("0.0000133334")
    assert rate(table, "requests", DAY, "sqs") == Decimal("0.0000001")
    assert rate(table, "requests", date(2026, 10, 31), "sqs") == Decimal("0.0000004")


def test_an_overlay_may_leave_out_the_free_tier() -> None:
    table = overlaid(shipped_table(), read_overlay('{"version": "shared-account", "free_tiers": []}'))
    assert table.free_tier("lambda", "requests") is None


PRICE = (
    '{"version": "v", "prices": [{"service": "sqs", "region": "us-east-1", "dimension": "requests", "unit": "request",'
    ' "effective_from": "2026-01-01", "tiers": %s}]}'
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "this is not JSON"),
        ("[]", "a price table is a JSON object"),
        ("{}", "the overlay: `version` is missing"),
        ('{"version": "v", "partition": "mars"}', "partition 'mars': one of aws, aws-cn"),
        ('{"version": "v", "prices": [{}]}', "prices[0]: `effective_from` is missing"),
        (
            '{"version": "v", "discounts": [{"service": "lambda", "percent": 101}]}',
            "discounts[0]: percent 101",
        ),
        (PRICE % "[]", "prices[0]: `tiers` is a list"),
        (PRICE % '[{"up_to": null, "price": -1}]', "prices[0]: price -1: a number of 0 or more"),
        (PRICE % '[{"up_to": 5, "price": "1"}]', "prices[0]: `up_to` of tiers rises"),
    ],
)
def test_a_wrong_overlay_is_refused_by_field(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(PriceTableError) as error:
        tables_in_force(file)
    assert str(error.value).startswith(f"{file}: {said}")


def test_two_prices_from_one_day_are_refused() -> None:
    row = '{"service":"a","region":"b","dimension":"c","unit":"d","effective_from":"2026-01-01","tiers":[{"price":"1"}]}'
    text = f'{{"partition":"aws","version":"1","currency":"USD","default_region":"b","prices":[{row},{row}]}}'
    with pytest.raises(PriceTableError, match="a b c has two rows from 2026-01-01"):
        read_table(text)
