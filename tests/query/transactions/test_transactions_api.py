"""A whole request from any of its ids, over queues and functions, as the API answers it."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.api import Api
from tests.query.transactions.stories import FAILED, Place, Story, hops, members

from coldlight_storage.testing import Put, attributes, log_record, logs_request

PAYLOAD = {"coldlight.payload.request": '{"order":1}'}
STACKTRACE = """Traceback (most recent call last):
  File "/var/task/shop.py", line 3, in handler
  File "/var/task/shop.py", line 7, in price
    PRICES[item]
KeyError: 'gift'
"""
EXCEPTION = Span.Event(
    name="exception",
    attributes=attributes({"exception.type": "KeyError", "exception.stacktrace": STACKTRACE}),
)


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


async def test_a_consumer_may_be_stored_before_its_producer(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sns:n1", parent=run)
    second = story.invocation("fan", trace=2, consumed=["sqs:m1", "sns:n1"])
    story.send("fan", "eventbridge:e1", parent=second)
    story.invocation("sink", trace=3, consumed=["eventbridge:e1"])
    for request in reversed(story.requests):
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


async def test_the_search_lists_a_request_once_where_its_newest_match_is(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sqs:m1", parent=run)
    story.invocation("worker", trace=2, consumed=["sqs:m1"])
    other = story.invocation("api", trace=3)
    put(*story.requests)
    found = await api.search_transactions()
    assert [each["transaction_id"] for each in found["transactions"]] == [other.id, run.id]
    assert found["transactions"][1]["functions"] == ["api", "worker"]
    pages = [await api.search_transactions(limit=1)]
    while pages[-1]["next_cursor"]:
        pages.append(await api.search_transactions(limit=1, cursor=pages[-1]["next_cursor"]))
    assert [[each["transaction_id"] for each in page["transactions"]] for page in pages] == [
        [other.id],
        [run.id],
        [],
    ]


async def test_the_search_takes_functions_and_whatever_traces_are_found_by(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sqs:m1", parent=run)
    story.invocation("worker", trace=2, consumed=["sqs:m1"], status=FAILED)
    story.invocation("api", trace=3)
    put(*story.requests)
    for parameters in ({"function": "worker"}, {"status": "error"}, {"service": "worker"}):
        found = await api.search_transactions(**parameters)
        assert [each["transaction_id"] for each in found["transactions"]] == [run.id]
    assert (await api.search_transactions(function="nobody"))["transactions"] == []


async def test_the_stack_leads_over_functions_to_where_it_broke(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", "r1", trace=1, lasts=2.0)
    story.send("api", "sqs:m1", parent=run)
    worker = story.invocation("worker", "r2", trace=2, consumed=["sqs:m1"], status=FAILED, of=PAYLOAD)
    story.work("worker", parent=worker, lasts=0.2, status=FAILED, events=[EXCEPTION])
    put(*story.requests)
    lines = [log_record(f"line {number}", trace=2, span=3, at=3 + number / 10) for number in (1, 2)]
    put(logs_request(*lines, service="worker"))
    stack = await api.stack(run.id)
    assert [(frame["function"], frame["span_id"], frame["called_by"]) for frame in stack["frames"]] == [
        ("worker", "0000000000000004", "sqs"),
        ("api", "0000000000000002", None),
    ]
    top = stack["frames"][0]
    assert (top["request_id"], top["payload"], top["spans"]) == ("r2", '{"order":1}', ["worker", "worker"])
    assert [line["body"] for line in top["logs"]] == ["line 1", "line 2"]
    assert top["exception"]["type"] == "KeyError"
    assert top["exception"]["frames"] == [
        {"function": "price", "file": "/var/task/shop.py", "line": 7, "code": "PRICES[item]", "in_app": True},
        {"function": "handler", "file": "/var/task/shop.py", "line": 3, "code": None, "in_app": True},
    ]


async def test_a_request_without_an_error_has_an_empty_stack(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    put(*story.requests)
    assert await api.stack(run.id) == {"transaction_id": run.id, "error": None, "frames": []}


async def test_what_was_billed_comes_from_the_reports(api: Api, put: Put) -> None:
    story = Story()
    run = story.invocation("api", "r1", trace=1)
    story.invocation("api", "r2", trace=1, parent=run)
    put(*story.requests)
    report = {
        "faas.invocation_id": "r1",
        "faas.instance": "api-1",
        "aws.lambda.billed_duration_ms": 1698,
    }
    for _ in range(2):
        put(logs_request(log_record("REPORT", trace=1, event_name="aws.lambda.report", attributes=report)))
    transaction = await api.transaction(run.id)
    assert [each["billed_ms"] for each in transaction["invocations"]] == [1698, None]
    assert transaction["billed_ms"] == 1698


async def test_an_unknown_id_is_a_problem(api: Api) -> None:
    problem = await api.problem(404, "/api/v1/transactions/nobody")
    assert "nobody" in problem["detail"]
