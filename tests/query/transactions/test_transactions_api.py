"""A whole request from any of its ids, over queues and functions, as the API answers it."""

from random import Random

import pytest
from tests.query.api import Api
from tests.query.transactions.stories import Place, Story, hops, members

from coldlight_storage.testing import Put

APIGATEWAY = {"http.route": "/orders"}


async def test_a_message_joins_its_sender_by_its_id(api: Api, put: Put) -> None:
    story = Story()
    api_run = story.invocation("api", "r1", trace=1)
    story.send("api", "sqs:m1", parent=api_run)
    story.invocation("worker", "r2", trace=2, consumed=["sqs:m1"])
    put(*story.requests)
    transaction = await api.transaction(api_run.id)
    assert transaction["transaction_id"] == api_run.id
    assert hops(transaction) == [(2, 3, "sqs", 1)]
    assert transaction["hops"][0] | {"producer": 0, "consumer": 0} == {
        "producer": 0,
        "consumer": 0,
        "evidence": "exact",
        "rule": "sqs",
        "key": "sqs:m1",
        "keys": ["sqs:m1"],
        "queue_wait_ms": 500.0,
        "attempt": 1,
    }
    assert [run["function"] for run in transaction["invocations"]] == ["api", "worker"]


async def test_any_id_leads_to_the_request(api: Api, put: Put) -> None:
    story = Story()
    api_run = story.invocation("api", "r1", trace=1, consumed=["apigateway:g1"])
    story.send("api", "sqs:m1", parent=api_run)
    worker = story.invocation("worker", "r2", trace=2, consumed=["sqs:m1"])
    put(*story.requests)
    ids = [
        api_run.id,
        api_run.trace_id,
        "r1",
        "g1",
        "m1",
        "sqs:m1",
        worker.id,
        worker.trace_id,
        "r2",
        "lambda:r2",
    ]
    for each in ids:
        assert (await api.transaction(each))["transaction_id"] == api_run.id, each


@pytest.mark.parametrize("seed", range(3))
async def test_a_consumer_may_be_stored_before_its_producer(api: Api, put: Put, seed: int) -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sns:n1", parent=run)
    second = story.invocation("fan", trace=2, consumed=["sqs:m1", "sns:n1"])
    story.send("fan", "eventbridge:e1", parent=second)
    story.invocation("sink", trace=3, consumed=["eventbridge:e1"])
    requests = list(story.requests)
    Random(seed).shuffle(requests)
    for request in reversed(requests):
        put(request)
    transaction = await api.transaction(run.id)
    assert hops(transaction) == [(2, 3, "sns", 1), (4, 5, "eventbridge", 1)]
    assert transaction["hops"][0]["keys"] == ["sns:n1", "sqs:m1"]


async def test_requests_that_meet_in_a_batch_stay_apart(api: Api, put: Put) -> None:
    story = Story()
    first, second = two_requests_in_a_batch(story)
    put(*story.requests)
    both = [await api.transaction(root.id) for root in (first, second)]
    assert [members(each) for each in both] == [{1, 2, 5, 6, 7, 10}, {3, 4, 5, 8, 9, 10}]
    assert [hops(each) for each in both] == [[(2, 5, "sqs", 1)], [(4, 5, "sqs", 1)]]


async def test_a_batch_belongs_to_every_request_that_it_carried(api: Api, put: Put) -> None:
    story = Story()
    first, second = two_requests_in_a_batch(story)
    put(*story.requests)
    found = await api.transactions("batch")
    assert [each["transaction_id"] for each in found["transactions"]] == [first.id, second.id]


async def test_transactions_come_in_pages(api: Api, put: Put) -> None:
    story = Story()
    first, second = two_requests_in_a_batch(story)
    put(*story.requests)
    page = await api.transactions("batch", limit=1)
    assert [each["transaction_id"] for each in page["transactions"]] == [first.id]
    page = await api.transactions("batch", limit=1, cursor=page["next_cursor"])
    assert [each["transaction_id"] for each in page["transactions"]] == [second.id]
    assert page["next_cursor"] is None


def two_requests_in_a_batch(story: Story) -> tuple[Place, Place]:
    """Spans 1, 2 and 3, 4 each send a message; 5 receives both, 6 and 7 are for the first alone, 8 and 9 for the second."""
    roots = []
    for number in (1, 2):
        roots.append(story.invocation("api", trace=number))
        story.send("api", f"sqs:m{number}", parent=roots[-1])
    batch = story.invocation("worker", "batch", trace=3, consumed=["sqs:m1", "sqs:m2"])
    for number in (1, 2):
        one = story.receive("worker", f"sqs:m{number}", parent=batch)
        story.work("worker", parent=one)
    story.work("worker", parent=batch)
    return roots[0], roots[1]


async def test_an_unknown_id_is_a_problem(api: Api) -> None:
    problem = await api.problem(404, "/api/v1/transactions/nobody")
    assert "nobody" in problem["detail"]
