"""`GET /cost/prices`: the prices that every figure rests on."""

from tests.query.api import COST, Api


async def test_the_table_in_force_with_its_sources(api: Api) -> None:
    aws, china = (await api.prices())["tables"]
    assert (aws["partition"], aws["version"], aws["currency"]) == ("aws", "2026-11-23", "USD")
    assert (china["partition"], china["currency"]) == ("aws-cn", "CNY")


async def test_prices_of_one_service_in_one_region(api: Api) -> None:
    [table] = (await api.prices(partition="aws", service="dynamodb", region="us-east-1"))["tables"]
    writes = [price for price in table["prices"] if price["dimension"] == "write_units"]
    assert [(price["effective_from"], price["tiers"][0]["price"]) for price in writes] == [
        ("2018-11-28", "0.00000125"),
        ("2024-11-01", "0.000000625"),
    ]
    assert [price["verified"] for price in writes] == [False, True]


async def test_a_parameter_that_does_not_exist_is_refused(api: Api) -> None:
    await api.problem(400, f"{COST}/prices", dimension="requests")
