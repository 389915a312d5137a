"""`coldlight prices`, as a person types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coldlight_cli.main import app

OWN = {
    "version": "acme-1",
    "discounts": [{"service": "sqs", "dimensions": ["fifo_requests"], "percent": 10}],
}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["prices", *arguments], terminal_width=200)
    return result.exit_code, result.output


@pytest.fixture
def own(tmp_path: Path) -> str:
    file = tmp_path / "acme.json"
    file.write_text(json.dumps(OWN))
    return str(file)


def test_list_shows_what_is_in_force_and_what_is_not_verified(own: str) -> None:
    code, output = run("list", "--prices", own, "--service", "sqs", "--region", "us-east-1")
    assert code == 0
    assert "aws: 2026-11-23+acme-1" in output
    assert "0.00000045" in output


def test_diff_shows_what_a_file_would_change(own: str) -> None:
    assert run("diff", own) == (
        1,
        "sqs us-east-1 fifo_requests from 2019-01-01: 0.0000005 -> 0.00000045 USD\n",
    )


def test_import_makes_a_file_that_prices_takes(tmp_path: Path) -> None:
    offer, made = tmp_path / "index.json", tmp_path / "prices.json"
    price = {"unit": "Requests", "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": "0.0000003"}}
    offer.write_text(
        json.dumps(
            {
                "offerCode": "AWSLambda",
                "version": "1",
                "products": {"A": {"attributes": {"usagetype": "Request", "regionCode": "us-east-1"}}},
                "terms": {
                    "OnDemand": {"A": {"T": {"effectiveDate": "2026-12-01", "priceDimensions": {"R": price}}}}
                },
            }
        )
    )
    assert run("import", str(offer), "--to", str(made))[0] == 0
    assert run("diff", str(made)) == (
        1,
        "lambda us-east-1 requests from 2026-12-01: 0.0000002 -> 0.0000003 USD\n",
    )


def test_a_wrong_file_is_an_error_with_the_fix(tmp_path: Path) -> None:
    code, output = run("list", "--prices", str(tmp_path / "none.json"))
    assert code == 1
    assert "none.json: No such file or directory" in output
