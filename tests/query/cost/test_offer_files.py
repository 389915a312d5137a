"""AWS's own price list, in the form in which AWS publishes it, becomes prices."""

import json
from typing import Any

import pytest

from coldlight_query.cost.offer_files import overlay_of_offer
from coldlight_query.cost.overlays import changes, read_overlay
from coldlight_query.cost.price_tables import PriceTableError, shipped_table


def step(begin: str, end: str, price: str) -> dict[str, Any]:
    return {"unit": "Lambda-GB-Second", "beginRange": begin, "endRange": end, "pricePerUnit": {"USD": price}}


def offer(usage_type: str, *steps: dict[str, Any], region: str = "eu-west-1", **attributes: str) -> str:
    """An offer file with one product."""
    named = {"usagetype": usage_type, "regionCode": region, **attributes}
    terms = {"A.T": {"effectiveDate": "2026-12-01T00:00:00Z", "priceDimensions": dict(enumerate(steps))}}
    return json.dumps(
        {
            "offerCode": "AWSLambda",
            "version": "20261123000000",
            "products": {"A": {"sku": "A", "attributes": named}, "B": {"sku": "B", "attributes": {}}},
            "terms": {"OnDemand": {"A": terms}},
        }
    )


def test_tiers_and_the_day_are_taken_over() -> None:
    text = offer(
        "EU-Lambda-GB-Second-ARM",
        step("7500000000", "Inf", "0.0000110000"),
        step("0", "7500000000", "0.0000120000"),
    )
    overlay = read_overlay(json.dumps(overlay_of_offer(text)))
    [change] = changes(shipped_table(), overlay)
    assert overlay.version == "AWSLambda-20261123000000"
    assert change.after.key == ("lambda", "eu-west-1", "gb_seconds_arm")
    assert [(str(tier.up_to), str(tier.price)) for tier in change.after.tiers] == [
        ("7500000000", "0.000012"),
        ("None", "0.000011"),
    ]
    assert change.before is not None
    assert (str(change.before.effective_from), str(change.after.effective_from)) == (
        "2022-08-01",
        "2026-12-01",
    )


def test_a_list_that_says_the_same_changes_nothing() -> None:
    text = offer("EU-Request", step("0", "Inf", "0.0000002000"))
    assert changes(shipped_table(), read_overlay(json.dumps(overlay_of_offer(text)))) == []


@pytest.mark.parametrize("usage_type", ["Global-Request", "Lambda-Edge-Request-Free", "EU-DataTransfer"])
def test_what_has_no_dimension_here_is_left(usage_type: str) -> None:
    with pytest.raises(PriceTableError, match="no price that is known here"):
        overlay_of_offer(offer(usage_type, step("0", "Inf", "0")))


def test_another_offer_is_refused_with_those_that_do() -> None:
    with pytest.raises(PriceTableError, match=r"offerCode 'AmazonEC2': one of AWSEvents, AWSLambda"):
        overlay_of_offer('{"offerCode": "AmazonEC2", "version": "1"}')
