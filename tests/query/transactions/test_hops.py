"""By which evidence one span is known to have led to another."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.transactions.stories import PRODUCED, Place, Story, hops, members

CLIENT = Span.SPAN_KIND_CLIENT
STATE = "coldlight.step_functions.state"


def test_a_span_link_joins_where_no_key_does() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    sent = story.send("api", parent=run)
    story.invocation("worker", trace=2, links=[sent])
    [hop] = story.transaction(run)["hops"]
    assert (hop["rule"], hop["evidence"], hop["key"]) == ("link", "exact", None)


def test_a_link_and_a_key_are_one_hop() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    sent = story.send("api", "sqs:m1", parent=run)
    story.invocation("worker", trace=2, links=[sent], consumed=["sqs:m1"])
    assert hops(story.transaction(run)) == [(2, 3, "sqs", 1)]


def test_a_link_to_the_function_gives_way_to_the_key_of_what_it_sent() -> None:
    """`AWSTraceHeader` names whatever span was there when another kind of SDK sent the message."""
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sqs:m1", parent=run)
    story.invocation("worker", trace=2, links=[run], consumed=["sqs:m1"])
    assert hops(story.transaction(run)) == [(2, 3, "sqs", 1)]


def test_an_invocation_that_is_waited_for_has_no_queue() -> None:
    story = Story()
    run = story.invocation("api", trace=1, lasts=9)
    call = story.send("api", "lambda:r2", parent=run, kind=CLIENT, lasts=7)
    story.invocation("payment", "r2", trace=1, parent=call)
    [hop] = story.transaction(run)["hops"]
    assert (hop["rule"], hop["key"], hop["queue_wait_ms"]) == ("lambda", "lambda:r2", None)


def test_an_invocation_is_known_by_its_request_id_alone() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "lambda:r2", parent=run, kind=CLIENT)
    story.invocation("mailer", "r2", trace=2)
    assert hops(story.transaction("r2")) == [(2, 3, "lambda", 1)]


def test_a_parent_in_another_function_is_a_hop() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    call = story.send("api", parent=run, kind=CLIENT)
    story.invocation("payment", trace=1, parent=call)
    assert hops(story.transaction(run)) == [(2, 3, "parent", 1)]


def test_a_parent_above_the_sender_is_no_second_hop() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sqs:m1", parent=run)
    story.invocation("worker", trace=1, parent=run, consumed=["sqs:m1"])
    assert hops(story.transaction(run)) == [(2, 3, "sqs", 1)]


def test_everyone_who_hears_an_event_is_part_of_it() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "eventbridge:e1", parent=run)
    for number, listener in enumerate(("mailer", "stock", "audit")):
        story.invocation(listener, trace=2 + number, consumed=["eventbridge:e1"])
    assert [consumer for _, consumer, *_ in hops(story.transaction(run))] == [3, 4, 5]


def test_a_message_that_comes_again_is_another_attempt() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sqs:m1", parent=run)
    for trace in (2, 3, 4):
        story.invocation("worker", trace=trace, consumed=["sqs:m1"])
    assert hops(story.transaction(run)) == [(2, 3, "sqs", 1), (2, 4, "sqs", 2), (2, 5, "sqs", 3)]


def test_lambda_s_retries_are_attempts_of_one_request() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "eventbridge:e1", parent=run)
    for trace in (2, 3):
        story.invocation("mailer", "r2", trace=trace, consumed=["eventbridge:e1"])
    transaction = story.transaction("r2")
    assert hops(transaction) == [(2, 3, "eventbridge", 1), (2, 4, "eventbridge", 2)]
    runs = [(run["request_id"], run["attempt"]) for run in transaction["invocations"][1:]]
    assert runs == [("r2", 1), ("r2", 2)]


def test_a_destination_hears_from_the_invocation_that_failed() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "lambda:r2", parent=run, kind=CLIENT)
    for trace in (2, 3):
        story.invocation("mailer", "r2", trace=trace)
    story.invocation("failures", trace=4, consumed=["sqs:m9", "lambda:r2"])
    assert hops(story.transaction(run)) == [(2, 3, "lambda", 1), (2, 4, "lambda", 2), (4, 5, "lambda", 1)]


def test_a_function_that_sends_to_itself_does_so_again_and_again() -> None:
    story = Story()
    runs = [story.invocation("loop", trace=1)]
    for number in range(1, 5):
        story.send("loop", f"sqs:m{number}", parent=runs[-1])
        runs.append(story.invocation("loop", trace=number + 1, consumed=[f"sqs:m{number}"]))
    assert len(hops(story.transaction(runs[-1]))) == 4


def test_two_that_received_what_nobody_here_sent_are_one_request() -> None:
    """A schedule with two targets, a resolver beside a resolver, an authorizer and its function."""
    story = Story()
    first = story.invocation("report", "r1", trace=1, consumed=["eventbridge:tick"])
    second = story.invocation("cleanup", "r2", trace=2, consumed=["eventbridge:tick"])
    story.send("cleanup", "sqs:m", parent=second)
    for known_id in (first, second, "sqs:m", "tick"):
        transaction = story.transaction(known_id)
        assert transaction["transaction_id"] == first.id
        assert members(transaction) == {1, 2, 3}
        assert hops(transaction) == []


def test_what_received_the_same_as_a_function_that_was_called_is_of_its_request() -> None:
    """An authorizer beside the function, whose caller sends its context and knows nothing of the gateway's ids."""
    story = Story()
    browser = story.invocation("browser", trace=1)
    story.invocation("api", trace=1, parent=browser, consumed=["apigateway:g"])
    story.invocation("authorizer", "a", trace=2, consumed=["apigateway:g"])
    assert members(story.transaction("a")) == {1, 2, 3}


def test_states_of_a_workflow_are_no_attempts_of_each_other() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "stepfunctions:arn", parent=run, kind=CLIENT)
    states = [("Reserve", 0), ("Pay", 0), ("Pay", 1)]
    for number, (name, retries) in enumerate(states):
        of = {f"{STATE}.name": name, f"{STATE}.retry_count": retries}
        story.invocation("steps", trace=2 + number, consumed=["stepfunctions:arn"], of=of)
    assert [attempt for *_, attempt in hops(story.transaction(run))] == [1, 1, 2]


def test_messages_of_one_sender_are_told_apart_by_what_their_links_say() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    sent = story.send("api", parent=run)
    for trace, message in ((2, "m1"), (3, "m2"), (4, "m1")):
        story.invocation("worker", trace=trace, links=[sent], message_id=message)
    assert [attempt for *_, attempt in hops(story.transaction(run))] == [1, 1, 2]


def test_of_links_that_do_not_tell_attempts_are_not_known() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    sent = story.send("api", parent=run)
    for trace in (2, 3):
        story.invocation("worker", trace=trace, links=[sent])
    assert [hop["attempt"] for hop in story.transaction(run)["hops"]] == [None, None]


class TestCompositeKeys:
    """Keys made of names: equal ones are near each other, or strangers."""

    KEY = "dynamodb:orders#1"

    def write(self, story: Story, trace: int, **fields: object) -> Place:
        run = story.invocation("api", trace=trace, **fields)  # type: ignore[arg-type]
        story.send("api", self.KEY, parent=run, kind=CLIENT, **fields)
        return run

    def test_the_nearest_earlier_write_is_the_cause(self) -> None:
        story = Story()
        first, second = self.write(story, 1), self.write(story, 2)
        story.invocation("stream", "s", trace=3, consumed=[self.KEY])
        self.write(story, 4)
        [transaction] = story.transactions("s")
        assert transaction["transaction_id"] == second.id
        [hop] = transaction["hops"]
        assert (hop["evidence"], hop["rule"], hop["key"]) == ("composite", "dynamodb", self.KEY)
        assert hops(story.transaction(first)) == []

    def test_a_write_of_hours_ago_is_not(self) -> None:
        story = Story()
        run = self.write(story, 1)
        story.invocation("stream", trace=2, consumed=[self.KEY], at=4000.0)
        assert hops(story.transaction(run)) == []

    def test_another_account_s_table_is_another_table(self) -> None:
        story = Story()
        run = self.write(story, 1, account="111111111111")
        story.invocation("stream", trace=2, consumed=[self.KEY], account="222222222222")
        assert hops(story.transaction(run)) == []

    def test_an_upload_is_known_by_its_request_before_its_name(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1)
        story.send("api", "s3req:A", "s3obj:b/k#1", parent=run, kind=CLIENT)
        story.invocation("thumbs", trace=2, consumed=["s3req:A", "s3obj:b/k#1"])
        [hop] = story.transaction(run)["hops"]
        assert (hop["rule"], hop["keys"]) == ("s3req", ["s3req:A", "s3obj:b/k#1"])

    def test_an_upload_of_the_same_bytes_by_another_request_is_no_cause(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1)
        story.send("api", "s3req:A", "s3obj:b/k#1", parent=run, kind=CLIENT)
        thumbs = story.invocation("thumbs", trace=2, consumed=["s3req:B", "s3obj:b/k#1"])
        assert hops(story.transaction(run)) == []
        assert story.transaction(thumbs)["transaction_id"] == thumbs.id


def test_keys_that_both_ends_have_twice_join_once() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "kafka:arn:t:0:7", "kafka:host:t:0:7", parent=run)
    story.invocation("worker", trace=2, consumed=["kafka:arn:t:0:7", "kafka:host:t:0:7"])
    transaction = story.transaction(run)
    assert hops(transaction) == [(2, 3, "kafka", 1)]
    assert members(transaction) == {1, 2, 3}


def test_what_a_span_produces_and_consumes_itself_is_no_hop() -> None:
    story = Story()
    run = story.invocation("api", trace=1, consumed=["apigateway:g"], of={PRODUCED: ["apigateway:g"]})
    assert hops(story.transaction(run)) == []
