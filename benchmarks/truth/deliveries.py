"""What becomes of what functions send: waiting callers, retries, batches, dead letters, results, executions.

Sources: AWS Lambda Developer Guide, "Invoking functions asynchronously" and "Event source mappings"; Amazon SQS
Developer Guide, "Dead-letter queues"; AWS Step Functions Developer Guide, "Handling errors".
"""

from collections import defaultdict
from dataclasses import replace
from functools import partial

from benchmarks.attributes import Value
from benchmarks.truth.application import Route
from benchmarks.truth.cloud import Arrival, Cloud, Frame, Outcome
from benchmarks.truth.graph import SpanRef
from benchmarks.truth.recording import CLIENT, PRODUCED, PRODUCER, Role, Sent
from benchmarks.truth.services import (
    RESULT_IN_QUEUE,
    Delivery,
    calls,
    consumed,
    produced,
    uuid,
)

NEVER_SEEN, TWICE, HOURS_LATE = 0.03, 0.02, 0.03
"""Chances that a message is never delivered, delivered twice although all went well, or delivered hours later
(of what has exact keys: by names and times nobody can join what is hours apart)."""
MOST_ATTEMPTS = 3
_CARRIED = 0.8


class Deliveries:
    """All services of one application; `perform` is what its cloud calls for each route."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], list[tuple[Sent, Route]]] = defaultdict(list)
        self._polled: set[tuple[str, str]] = set()

    def perform(self, cloud: Cloud, route: Route, frame: Frame) -> None:
        if route.service.delivery is Delivery.CALL:
            _call(cloud, route, frame)
        else:
            self._send(cloud, route, frame)

    def _send(self, cloud: Cloud, route: Route, frame: Frame) -> None:
        """One call with one or several records, which may each go to several functions."""
        service = route.service
        several = service.sends or service.core == "dynamodb"
        entries = [
            produced(service, route.place, _item(cloud), cloud.dice)
            for _ in range(cloud.dice.choice((1, 1, 1, 2, 3)) if several else 1)
        ]
        kind = PRODUCER if service.sends else CLIENT
        with cloud.span(frame, service.call, kind, Role.CALL) as span:
            keys = [key for entry in entries for key in entry]
            span.attributes = calls(service, route.place, tuple(keys))
            is_keyed = service.core != "kafka" or cloud.chance(0.5)
            if is_keyed:
                span.attributes[PRODUCED] = list(dict.fromkeys(keys))
            frame.now_ns += cloud.takes(8)
        for entry in entries if is_keyed else [()] * len(entries):
            self._entry(cloud, route, frame, span.ref, entry)

    def _entry(
        self, cloud: Cloud, route: Route, frame: Frame, producer: SpanRef, keys: tuple[str, ...]
    ) -> None:
        service = route.service
        must = service.is_bare or not keys
        for target in route.targets:
            is_carried = service.carries and (must or cloud.chance(_CARRIED))
            theirs = consumed(service, keys or produced(service, route.place, "", cloud.dice), cloud.dice)
            sent = Sent(
                service, route.place, producer, frame.run.number, frame.scope, keys, theirs, is_carried
            )
            if keys:
                cloud.book.sent(sent)
            if cloud.chance(NEVER_SEEN):
                continue
            late_ns = (
                cloud.takes(3 * 3600_000)
                if service.is_exact and cloud.chance(HOURS_LATE)
                else cloud.takes(60)
            )
            self._deliver(cloud, route, target, sent, frame.now_ns + late_ns)
            if service.sends and service.core != "kinesis" and cloud.chance(TWICE):
                again = replace(sent, attempt=2)
                self._deliver(cloud, route, target, again, frame.now_ns + late_ns + cloud.takes(20_000))

    def _deliver(self, cloud: Cloud, route: Route, target: str, sent: Sent, at_ns: int) -> None:
        match route.service.delivery:
            case Delivery.POLL:
                cloud.at(at_ns, partial(self._enqueue, cloud, route, target, sent))
            case Delivery.STATES:
                cloud.at(at_ns, partial(_next_state, cloud, route, target, sent, 1))
            case _:
                is_ours = sent.service.core == "lambda"
                request_id = sent.produced[0].partition(":")[2] if is_ours else uuid(cloud.dice)
                hands_on = sent.service.hands_trace_on and cloud.chance(0.5)
                arrival = Arrival(
                    cloud.application.functions[target],
                    (sent,),
                    request_id,
                    sent.service.source,
                    route.place,
                    trace_id=sent.producer.trace_id if hands_on else "",
                )
                cloud.at(at_ns, partial(self._push, cloud, route, arrival))

    def _push(self, cloud: Cloud, route: Route, arrival: Arrival, at_ns: int) -> None:
        """Lambda tries an asynchronous invocation three times, with the same request id."""
        outcome = cloud.invoke(arrival, at_ns)
        if outcome.failed and arrival.attempt < MOST_ATTEMPTS:
            [sent] = arrival.records
            again = replace(
                arrival, attempt=arrival.attempt + 1, records=(replace(sent, attempt=sent.attempt + 1),)
            )
            cloud.at(outcome.end_ns + cloud.takes(60_000), partial(self._push, cloud, route, again))
            return
        if outcome.failed:
            cloud.book.given_up(arrival.records[0])
        if route.dead_letters_to and (outcome.failed or route.tells_success):
            self._tell(cloud, route, outcome)

    def _enqueue(self, cloud: Cloud, route: Route, target: str, sent: Sent, at_ns: int) -> None:
        queue = (sent.place, target)
        self._queues[queue].append((sent, route))
        if queue not in self._polled:
            self._polled.add(queue)
            cloud.at(at_ns + cloud.takes(1000), partial(self._poll, cloud, queue))

    def _poll(self, cloud: Cloud, queue: tuple[str, str], at_ns: int) -> None:
        """A batch, oldest first; what is left makes the next one."""
        function = cloud.application.functions[queue[1]]
        waiting = self._queues[queue]
        batch, self._queues[queue] = waiting[: function.batch], waiting[function.batch :]
        if self._queues[queue]:
            cloud.at(at_ns + cloud.takes(20), partial(self._poll, cloud, queue))
        else:
            self._polled.discard(queue)
        route = batch[0][1]
        records = tuple(sent for sent, _ in batch)
        arrival = Arrival(function, records, uuid(cloud.dice), records[0].service.source, queue[0])
        outcome = cloud.invoke(arrival, at_ns)
        if not outcome.failed:
            return
        if arrival.source == "sqs":
            for place in sorted(outcome.failed):
                self._return(cloud, route, queue[1], records[place], outcome.end_ns)
        else:
            again_ns = outcome.end_ns + cloud.takes(8000)
            cloud.at(again_ns, partial(self._repeat, cloud, route, arrival, outcome, 2))

    def _return(self, cloud: Cloud, route: Route, target: str, sent: Sent, at_ns: int) -> None:
        """A message becomes visible again, or is moved to the dead letters, under the id that it has."""
        again_ns = at_ns + cloud.takes(30_000)
        if sent.attempt < MOST_ATTEMPTS and not sent.is_dead:
            cloud.at(
                again_ns,
                partial(self._enqueue, cloud, route, target, replace(sent, attempt=sent.attempt + 1)),
            )
            return
        cloud.book.given_up(sent)
        if route.dead_letters_to and not sent.is_dead:
            dead = replace(sent, place=f"{sent.place}-dead", attempt=1, is_dead=True)
            cloud.at(again_ns, partial(self._enqueue, cloud, route, route.dead_letters_to, dead))

    def _repeat(
        self, cloud: Cloud, route: Route, arrival: Arrival, last: Outcome, attempt: int, at_ns: int
    ) -> None:
        """Of a stream the same batch is tried again, under a new request id, until it is given up."""
        if attempt > MOST_ATTEMPTS:
            for sent in arrival.records:
                cloud.book.given_up(sent)
            if route.dead_letters_to:
                self._tell(cloud, replace(route, told_by=RESULT_IN_QUEUE), last)
            return
        records = tuple(replace(sent, attempt=attempt) for sent in arrival.records)
        outcome = cloud.invoke(replace(arrival, records=records, request_id=uuid(cloud.dice)), at_ns)
        if outcome.failed:
            again_ns = outcome.end_ns + cloud.takes(8000)
            cloud.at(again_ns, partial(self._repeat, cloud, route, arrival, outcome, attempt + 1))

    def _tell(self, cloud: Cloud, route: Route, outcome: Outcome) -> None:
        """Lambda sends the result of an invocation: its event names the invocation, and nobody's span the sending."""
        service, keys = route.told_by, (f"lambda:{outcome.run.request_id}",)
        place = f"{route.place}-results"
        sent = Sent(
            service,
            place,
            outcome.run.span,
            outcome.run.number,
            None,
            keys,
            consumed(service, keys, cloud.dice),
            is_carried=False,
        )
        told = replace(route, service=service, place=place, dead_letters_to="", tells_success=False)
        self._deliver(cloud, told, route.dead_letters_to, sent, outcome.end_ns + cloud.takes(200))


def _item(cloud: Cloud) -> str:
    """What is written to a table or bucket: now and then something that others write, too."""
    return f"hot-{cloud.dice.randrange(2)}" if cloud.chance(0.2) else f"item-{cloud.dice.getrandbits(64)}"


def _call(cloud: Cloud, route: Route, frame: Frame) -> None:
    """The caller waits for each of the functions behind what it calls."""
    service = route.service
    keys = produced(service, route.place, "", cloud.dice)
    with cloud.span(frame, service.call, CLIENT, Role.CALL) as span:
        span.attributes = {**calls(service, route.place, keys), PRODUCED: list(keys)}
        is_carried = cloud.chance(0.9)
        for target in route.targets:
            theirs = consumed(service, keys, cloud.dice)
            sent = Sent(
                service, route.place, span.ref, frame.run.number, frame.scope, keys, theirs, is_carried
            )
            request_id = keys[0].partition(":")[2] if service.core == "lambda" else uuid(cloud.dice)
            arrival = Arrival(
                cloud.application.functions[target],
                (sent,),
                request_id,
                service.source,
                route.place,
                parent=span.ref if is_carried else None,
            )
            frame.now_ns = cloud.invoke(arrival, frame.now_ns + cloud.takes(5)).end_ns


def _next_state(cloud: Cloud, route: Route, target: str, sent: Sent, state: int, at_ns: int) -> None:
    """One state of an execution, tried until it works, and then the next; a durable function's next run likewise."""
    is_durable = sent.service.core == "durable"
    is_first = is_durable and state == 1 and sent.attempt == 1
    more: dict[str, Value] = {
        f"coldlight.{_EXECUTION[sent.service.core]}.execution.arn": sent.produced[-1].partition(":")[2]
    }
    if not is_durable:
        more |= {
            "coldlight.step_functions.state.name": f"Step{state}",
            "coldlight.step_functions.state.retry_count": sent.attempt - 1,
        }
    arrival = Arrival(
        cloud.application.functions[target],
        (sent,),
        sent.produced[0].partition(":")[2] if is_first else uuid(cloud.dice),
        sent.service.source,
        route.place,
        more=more,
    )
    outcome = cloud.invoke(arrival, at_ns)
    if outcome.failed and sent.attempt < MOST_ATTEMPTS:
        again = replace(sent, attempt=sent.attempt + 1)
        cloud.at(outcome.end_ns + cloud.takes(6000), partial(_next_state, cloud, route, target, again, state))
    elif state < 2 and cloud.chance(0.6):
        then = replace(sent, attempt=1)
        cloud.at(
            outcome.end_ns + cloud.takes(300), partial(_next_state, cloud, route, target, then, state + 1)
        )


_EXECUTION = {"durable": "durable", "stepfunctions": "step_functions"}
