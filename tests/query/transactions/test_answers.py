"""What the answer says of a request beside its hops: messages, errors, times, and what is missing."""

from typing import Any

from tests.query.transactions.stories import FAILED, Place, Story, hops, members

from coldlight_storage.testing import clock_ns

ORDERS, DEAD = {"messaging.destination.name": "orders"}, {"messaging.destination.name": "orders-dead"}
SECOND = 10**9


def one_message(*received: dict[str, Any], story: Story | None = None) -> tuple[Story, Place]:
    """A request that sends one message; `received` are the runs of it."""
    story = story or Story()
    run = story.invocation("api", trace=1, lasts=2.0)
    story.send("api", "sqs:m1", parent=run, of=ORDERS)
    for number, fields in enumerate(received):
        function = fields.pop("function", "worker")
        story.invocation(function, trace=2 + number, consumed=["sqs:m1"], **{"of": ORDERS, **fields})
    return story, run


def message(story: Story, run: Place) -> tuple[str, int]:
    [found] = story.transaction(run)["messages"]
    return found["status"], len(found["receipts"])


class TestMessages:
    def test_received(self) -> None:
        assert message(*one_message({})) == ("received", 1)

    def test_received_again(self) -> None:
        assert message(*one_message({"status": FAILED}, {})) == ("retried", 2)

    def test_given_up_into_a_dead_letter_queue(self) -> None:
        story = one_message({"status": FAILED}, {"status": FAILED}, {"function": "undertaker", "of": DEAD})
        assert message(*story) == ("dead_lettered", 3)

    def test_never_seen(self) -> None:
        story, run = one_message()
        assert message(story, run) == ("never_seen", 0)
        [warning] = story.transaction(run)["warnings"]
        assert "no receiver has been seen" in warning
        assert "sqs:m1" in warning

    def test_received_under_another_id(self) -> None:
        """SNS in SQS with raw delivery: nothing of SNS's id arrives."""
        story = Story()
        run = story.invocation("api", trace=1)
        sent = story.send("api", "sns:n1", parent=run)
        story.invocation("worker", trace=2, consumed=["sqs:m1"], links=[sent])
        assert message(story, run)[0] == "received"


class TestErrors:
    def test_the_deepest_of_those_that_failed_first_began_it(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1, lasts=9, status=FAILED)
        call = story.send("api", parent=run, lasts=6, status=FAILED)
        payment = story.invocation("payment", trace=1, parent=call, lasts=4, status=FAILED)
        story.work("payment", parent=payment, lasts=2, status=FAILED, attributes={"error.type": "Declined"})
        transaction = story.transaction(run)
        assert transaction["status"] == "error"
        error = transaction["error"]
        assert (error["span_id"], error["function"], error["type"], error["message"]) == (
            "0000000000000004",
            "payment",
            "Declined",
            "it broke",
        )

    def test_what_a_retry_made_good_is_told_and_is_no_failure(self) -> None:
        story, run = one_message({"status": FAILED}, {})
        transaction = story.transaction(run)
        assert transaction["status"] == "ok"
        assert transaction["error"]["span_id"] == "0000000000000003"

    def test_what_no_retry_made_good_is_a_failure(self) -> None:
        story, run = one_message({"status": FAILED}, {"status": FAILED})
        assert story.transaction(run)["status"] == "error"

    def test_one_record_of_a_batch_that_went_well_later(self) -> None:
        story, run = one_message({})
        batch = Place(2, 3)
        story.receive("worker", "sqs:m1", parent=batch, at=3.1, lasts=0.1, status=FAILED)
        assert story.transaction(run)["status"] == "error"
        story.invocation("worker", trace=5, consumed=["sqs:m1"], of=ORDERS)
        assert story.transaction(run)["status"] == "ok"

    def test_an_error_that_the_function_handled_is_none(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1, lasts=3)
        story.work("api", parent=run, status=FAILED)
        assert story.transaction(run)["status"] == "ok"


class TestTimes:
    def test_it_lasts_until_the_last_that_it_led_to_has_ended(self) -> None:
        story, run = one_message({"at": 60.0, "lasts": 2.0})
        assert story.transaction(run)["duration_ns"] == 61 * SECOND

    def test_the_critical_path_has_the_queue_in_it_and_no_gap(self) -> None:
        story, run = one_message({"at": 60.0, "lasts": 2.0})
        path = story.transaction(run)["critical_path"]
        assert [(step["kind"], step["name"], step["duration_ns"] / SECOND) for step in path] == [
            ("work", "api", 1.0),
            ("work", "api", 0.5),
            ("queue", "worker", 57.5),
            ("work", "worker", 2.0),
        ]

    def test_a_clock_that_is_behind_is_moved_with_all_its_spans_and_told(self) -> None:
        story, run = one_message({"at": -8.0, "lasts": 2.0})
        story.work("worker", parent=Place(2, 3), at=-7.0)
        transaction = story.transaction(run)
        shown = [(each["start_time_unix_nano"], each["clock_offset_ns"]) for each in transaction["timeline"]]
        assert shown[2:] == [(clock_ns(2), 10 * SECOND), (clock_ns(3), 10 * SECOND)]
        assert transaction["hops"][0]["queue_wait_ms"] is None
        assert any("the clock of worker-1 is behind by 10000 ms" in text for text in transaction["warnings"])

    def test_clocks_that_agree_are_left_alone(self) -> None:
        story, run = one_message({})
        assert {each["clock_offset_ns"] for each in story.transaction(run)["timeline"]} == {0}


class TestWhatIsMissing:
    def test_a_span_whose_parent_was_lost_stays_with_its_trace(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1, lasts=9)
        lost = story.send("api", parent=run)
        story.invocation("payment", trace=1, parent=lost)
        story.forget(lost)
        transaction = story.transaction(run)
        assert members(transaction) == {1, 3}
        assert hops(transaction) == []
        assert "1 parent span(s) have not been received" in transaction["warnings"][0]

    def test_what_may_have_called_it_is_possible_and_no_hop(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1, lasts=9)
        call = story.send("api", parent=run, lasts=5)
        story.invocation("payment", trace=1, parent=Place(1, 99))
        transaction = story.transaction(run)
        assert transaction["hops"] == []
        [possible] = transaction["possibly"]
        assert possible["producer"]["span_id"] == call.id.partition(":")[2]
        assert (possible["evidence"], possible["rule"]) == ("heuristic", "time")

    def test_a_link_to_a_lost_span_leads_to_its_trace(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1)
        lost = story.send("api", parent=run)
        story.invocation("worker", trace=2, links=[lost])
        story.forget(lost)
        transaction = story.transaction("run of worker in 2")
        assert transaction["transaction_id"] == run.id
        assert hops(transaction) == [(2, 3, "link", 1)]
        assert "1 sending span(s) have not been received" in transaction["warnings"][0]

    def test_a_root_that_was_lost_is_named(self) -> None:
        story = Story()
        run = story.invocation("api", trace=1)
        worker = story.invocation("worker", trace=2, links=[run])
        story.forget(run)
        transaction = story.transaction(worker)
        assert transaction["transaction_id"] == worker.id
        assert f"the sender of trace {run.trace_id} has not been received" in transaction["warnings"][0]

    def test_causes_that_form_a_circle_have_a_beginning(self) -> None:
        story = Story()
        first = story.invocation("a", trace=1, consumed=["x:2"])
        story.send("a", "x:1", parent=first)
        second = story.invocation("b", trace=2, consumed=["x:1"])
        story.send("b", "x:2", parent=second)
        transaction = story.transaction(second)
        assert transaction["transaction_id"] == first.id
        assert "form a circle" in transaction["warnings"][0]
