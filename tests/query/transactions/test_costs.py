"""What a transaction costs, and what of a batch it bears. Prices are those of the shipped table for eu-central-1."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from tests.query.api import Api
from tests.query.transactions.stories import Place, Story

from coldlight_storage.testing import Put, log_record, logs_request

REQUEST, GB_SECOND = Decimal("0.0000002"), Decimal("0.0000166667")
SQS_REQUEST = Decimal("0.0000004")
REST_REQUEST = Decimal("0.0000035")
"""Of us-east-1: the table has none of this region, and says so."""
CALL = {
    "rpc.system": "aws-api",
    "rpc.service": "SQS",
    "rpc.method": "SendMessage",
    "cloud.region": "eu-central-1",
}
SMALL = {"messaging.message.body.size": 100}


def report(put: Put, request_id: str, sandbox: str, trace: int, **facts: Any) -> None:
    """What Lambda billed: a second of 1 GB."""
    told = {"billed_duration_ms": 1000, "duration_ms": 1000.0, "memory_size_mb": 1024, **facts}
    own = {f"aws.lambda.{name}": value for name, value in told.items()}
    own |= {"faas.invocation_id": request_id, "faas.instance": sandbox}
    put(logs_request(log_record("REPORT", trace=trace, event_name="aws.lambda.report", attributes=own)))


def parts(transaction: dict[str, Any]) -> list[tuple[str, str, int, float]]:
    return [
        (part["kind"], part["service"], int(part["span_id"], 16), part["cost_usd"])
        for part in transaction["cost_parts"]
    ]


def whole(*amounts: Decimal) -> float:
    return float(sum(amounts))


INVOCATION = whole(REQUEST, GB_SECOND)


async def test_a_request_pays_for_its_runs_their_delivery_and_their_calls(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", "r1", trace=1, of={"coldlight.trigger": "apigateway-rest"})
    story.send("api", "sqs:m1", parent=run, of=CALL | SMALL)
    story.invocation("worker", "r2", trace=2, consumed=["sqs:m1"])
    put(*story.requests)
    report(put, "r1", "api-1", trace=1)
    report(put, "r2", "worker-1", trace=2)
    transaction = await api.transaction(run.id)
    assert sorted(parts(transaction)) == [
        ("call", "sqs", 2, float(SQS_REQUEST)),
        ("delivery", "apigateway", 1, float(REST_REQUEST)),
        ("invocation", "lambda", 1, INVOCATION),
        ("invocation", "lambda", 3, INVOCATION),
    ]
    [delivery] = [part for part in transaction["cost_parts"] if part["kind"] == "delivery"]
    assert delivery["cost_basis"]["kind"] == transaction["cost_basis"]["kind"] == "estimated"
    assert transaction["billed_ms"] == 2000
    assert transaction["cost_usd"] == pytest.approx(
        2 * INVOCATION + float(SQS_REQUEST) + float(REST_REQUEST), abs=1e-12
    )


async def test_what_is_not_reported_is_estimated_and_says_why(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", "r1", trace=1)
    put(*story.requests)
    transaction = await api.transaction(run.id)
    [part] = transaction["cost_parts"]
    assert (transaction["billed_ms"], part["cost_basis"]["kind"]) == (None, "estimated")
    assert part["cost_basis"]["why_estimated"]
    assert transaction["cost_basis"]["why_estimated"] == part["cost_basis"]["why_estimated"]


async def test_a_call_of_a_service_without_prices_is_named(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", "r1", trace=1)
    story.send("api", parent=run, of=CALL | {"rpc.service": "KMS", "rpc.method": "Decrypt"})
    put(*story.requests)
    transaction = await api.transaction(run.id)
    [call] = [part for part in transaction["cost_parts"] if part["kind"] == "call"]
    assert (call["service"], call["cost_usd"]) == ("KMS", None)
    assert "the table has no price for KMS calls" in transaction["cost_basis"]["why_estimated"]


def senders_and_a_batch(of: Sequence[int]) -> tuple[Story, list[Place]]:
    """Requests that send so many messages each, which one run of a worker receives; it makes a call for all of them."""
    story, runs, keys = Story(), list[Place](), list[str]()
    for number, count in enumerate(of, 1):
        runs.append(run := story.invocation("api", f"r{number}", trace=number))
        own = [f"sqs:m{number}-{message}" for message in range(count)]
        story.send("api", *own, parent=run)
        keys += own
    worker = story.invocation("worker", "batch", trace=90, consumed=keys)
    story.send("worker", parent=worker, of=CALL | SMALL)
    return story, runs


async def test_those_who_meet_in_a_batch_share_it_by_their_records(api: Api, put: Put) -> None:
    story, runs = senders_and_a_batch([1, 3])
    put(*story.requests)
    report(put, "batch", "worker-1", trace=90)
    paid = []
    for run in runs:
        transaction = await api.transaction(run.id)
        [worker] = [one for one in transaction["invocations"] if one["function"] == "worker"]
        [call] = [part for part in transaction["cost_parts"] if part["kind"] == "call"]
        assert (worker["full_cost_usd"], worker["billed_ms"]) == (INVOCATION, 1000)
        paid.append((Decimal(str(worker["cost_usd"])), Decimal(str(call["cost_usd"]))))
    assert [sum(shares) for shares in zip(*paid, strict=True)] == [REQUEST + GB_SECOND, SQS_REQUEST]
    assert paid[1][0] / paid[0][0] == pytest.approx(Decimal(3), rel=Decimal("1e-6"))


async def test_a_batch_that_one_request_filled_is_its_own(api: Api, put: Put) -> None:
    story, [run] = senders_and_a_batch([3])
    put(*story.requests)
    report(put, "batch", "worker-1", trace=90)
    transaction = await api.transaction(run.id)
    [worker] = [one for one in transaction["invocations"] if one["function"] == "worker"]
    assert worker["cost_usd"] == worker["full_cost_usd"] == INVOCATION


async def test_each_attempt_has_its_own_report(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", "r1", trace=1)
    story.send("api", "sns:n1", parent=run)
    for number in (2, 3):
        story.invocation("worker", "w1", trace=number, consumed=["sns:n1"], sandbox=f"worker-{number}")
    put(*story.requests)
    report(put, "w1", "worker-2", trace=2)
    report(put, "w1", "worker-3", trace=3, billed_duration_ms=500)
    transaction = await api.transaction(run.id)
    assert [one["billed_ms"] for one in transaction["invocations"]] == [None, 1000, 500]
