"""A batch belongs to every request whose record it carried, and what it does next to the record's where spans tell."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.transactions.stories import Place, Story, hops, members


def senders(story: Story, *keys: str) -> list[Place]:
    """A request for each key, in traces 1, 2, ...; the sending spans."""
    return [
        story.send("api", key, parent=story.invocation("api", trace=number))
        for number, key in enumerate(keys, start=1)
    ]


def test_what_no_record_is_named_for_follows_every_record() -> None:
    story = Story()
    first, second = senders(story, "sqs:1", "sqs:2")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2"])
    story.send("worker", "sns:n", parent=batch)
    story.invocation("sink", trace=10, consumed=["sns:n"])
    for sender in (first, second):
        assert members(story.transaction(sender)) == {sender.number - 1, sender.number, 5, 6, 7}


def test_what_a_record_s_span_sent_follows_that_record_alone() -> None:
    story = Story()
    first, second = senders(story, "sqs:1", "sqs:2")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2"])
    for number in (1, 2):
        one = story.receive("worker", f"sqs:{number}", parent=batch)
        story.send("worker", f"sns:{number}", parent=one)
        story.invocation("sink", trace=10 + number, consumed=[f"sns:{number}"])
    assert members(story.transaction(first)) == {1, 2, 5, 6, 7, 8}
    assert members(story.transaction(second)) == {3, 4, 5, 9, 10, 11}


def test_from_what_followed_one_record_the_way_back_leads_to_one_request() -> None:
    story = Story()
    first, _ = senders(story, "sqs:1", "sqs:2")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2"])
    one = story.receive("worker", "sqs:1", parent=batch)
    story.send("worker", "sns:1", parent=one)
    story.invocation("sink", "s", trace=10, consumed=["sns:1"])
    assert [each["root"]["trace_id"] for each in story.transactions("s")] == [first.trace_id]
    assert len(story.transactions(batch)) == 2


def test_a_span_around_all_records_parts_nothing() -> None:
    story = Story()
    first, _ = senders(story, "sqs:1", "sqs:2")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2"])
    around = story.receive("worker", "sqs:1", "sqs:2", parent=batch)
    story.receive("worker", "sqs:1", parent=around)
    story.receive("worker", "sqs:2", parent=around)
    assert members(story.transaction(first)) == {1, 2, 5, 6, 7}


def test_two_messages_of_one_request_are_both_followed() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    story.send("api", "sqs:1", parent=run)
    story.send("api", "sqs:2", parent=run)
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2"])
    story.receive("worker", "sqs:1", parent=batch)
    story.receive("worker", "sqs:2", parent=batch)
    transaction = story.transaction(run)
    assert members(transaction) == {1, 2, 3, 4, 5, 6}
    assert hops(transaction) == [(2, 4, "sqs", 1), (3, 4, "sqs", 1)]


def test_a_batch_in_the_trace_of_one_of_its_senders_is_still_everybody_s() -> None:
    story = Story()
    first, second = senders(story, "sqs:1", "sqs:2")
    batch = story.invocation("worker", trace=1, parent=first, consumed=["sqs:1", "sqs:2"])
    story.receive("worker", "sqs:1", parent=batch)
    story.receive("worker", "sqs:2", parent=batch)
    assert members(story.transaction(first)) == {1, 2, 5, 6}
    assert members(story.transaction(second)) == {3, 4, 5, 7}


def test_links_part_a_batch_as_keys_do() -> None:
    story = Story()
    first, second = senders(story, "x:1", "x:2")
    batch = story.invocation("worker", trace=9, links=[first, second])
    story.receive("worker", parent=batch, links=[first])
    story.receive("worker", parent=batch, links=[second])
    assert members(story.transaction(first)) == {1, 2, 5, 6}
    assert members(story.transaction(second)) == {3, 4, 5, 7}


def test_a_span_that_tells_no_record_beside_some_that_do_is_for_another() -> None:
    """A message that came without a trace context, among others that came with one."""
    story = Story()
    [sender] = senders(story, "x:1")
    batch = story.invocation("worker", trace=9, links=[sender])
    story.receive("worker", parent=batch, links=[sender])
    other = story.receive("worker", parent=batch)
    story.work("worker", parent=other)
    assert members(story.transaction(sender)) == {1, 2, 3, 4}
    assert members(story.transaction(other)) == {3, 5, 6}


def test_a_kafka_record_has_the_link_that_names_its_offset() -> None:
    story = Story()
    run = story.invocation("api", trace=1)
    sent = story.send("api", parent=run)
    batch = story.invocation(
        "worker", trace=9, consumed=["kafka:c:t:0:7", "kafka:c:t:0:8"], links=[sent], message_id="0:7"
    )
    story.receive("worker", "kafka:c:t:0:7", parent=batch)
    story.receive("worker", "kafka:c:t:0:8", parent=batch)
    assert members(story.transaction(run)) == {1, 2, 3, 4}


def test_a_record_is_known_by_its_outer_key_when_its_inner_one_joined() -> None:
    story = Story()
    first, second = senders(story, "sns:a", "sns:b")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2", "sns:a", "sns:b"])
    story.receive("worker", "sqs:1", parent=batch)
    story.receive("worker", "sqs:2", parent=batch)
    assert members(story.transaction(first)) == {1, 2, 5, 6}
    assert members(story.transaction(second)) == {3, 4, 5, 7}


def test_spans_that_tell_by_keys_and_others_that_tell_by_links_part_one_batch() -> None:
    story = Story()
    first, second = senders(story, "sns:a", "sns:b")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2", "sns:a", "sns:b"])
    story.receive("worker", "sqs:1", parent=batch)
    story.receive("worker", "sqs:2", "sns:b", parent=batch)
    assert members(story.transaction(first)) == {1, 2, 5, 6}
    assert members(story.transaction(second)) == {3, 4, 5, 7}


def test_a_key_that_no_record_can_be_told_for_follows_everything() -> None:
    story = Story()
    first, _ = senders(story, "sns:a", "sqs:3")
    batch = story.invocation("worker", trace=9, consumed=["sqs:1", "sqs:2", "sqs:3", "sns:a"])
    story.receive("worker", "sqs:1", parent=batch)
    story.receive("worker", "sqs:3", parent=batch)
    assert members(story.transaction(first)) == {1, 2, 5, 6, 7}


def test_two_requests_in_one_trace_are_two_transactions() -> None:
    story = Story()
    first = story.invocation("api", trace=1)
    second = story.invocation("api", trace=1)
    found = story.transactions(first.trace_id)
    assert [each["transaction_id"] for each in found] == [first.id, second.id]


def test_records_of_unknown_senders_have_a_transaction_of_their_own() -> None:
    story = Story()
    [first] = senders(story, "sqs:1")
    batch = story.invocation("worker", "b", trace=9, consumed=["sqs:1", "sqs:2"])
    story.receive("worker", "sqs:1", parent=batch)
    story.receive("worker", "sqs:2", parent=batch)
    assert [members(each) for each in story.transactions("b")] == [{1, 2, 3, 4}, {3, 5}]
    assert first.number == 2


def test_an_invocation_was_set_off_by_what_its_consumer_span_received() -> None:
    """As OpenTelemetry's own instrumentations tell it."""
    story = Story()
    first, second = senders(story, "x:1", "x:2")
    run = story.invocation("worker", trace=9)
    story.receive("worker", parent=run, links=[first, second])
    story.send("worker", "sns:n", parent=run)
    assert hops(story.transaction(first)) == [(2, 5, "link", 1)]
    assert members(story.transaction(second)) == {3, 4, 5, 6, 7}


def test_a_queue_that_a_run_reads_by_itself_is_part_of_its_request_too() -> None:
    story = Story()
    [sender] = senders(story, "sqs:1")
    poller = story.invocation("poller", trace=9, consumed=["eventbridge:tick"])
    received = story.receive("poller", "sqs:1", parent=poller)
    story.send("poller", parent=received, kind=Span.SPAN_KIND_CLIENT)
    assert members(story.transaction(sender)) == {1, 2, 4, 5}
    assert [each["root"]["trace_id"] for each in story.transactions(received)] == [
        sender.trace_id,
        poller.trace_id,
    ]
