"""The simulated shop: what its functions do, and how one leads to the next.

API Gateway -> orders-api -> DynamoDB, order-queue -> order-worker (in batches) -> payment -> the bank
                                                                |-> S3 -> thumbnailer
                                                                '-> EventBridge -> notifications
schedule -> nightly-report -> DynamoDB, S3
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from uuid import uuid4

from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import SpanKind, format_trace_id, get_current_span

from coldlight_cli.demo import faults, services
from coldlight_cli.demo.cloud import Cloud
from coldlight_cli.demo.faults import Fault, TimedOut
from coldlight_cli.demo.sandbox import NS_PER_MS, NS_PER_S, Attributes, Function, Invocation, Trigger
from coldlight_cli.demo.services import CONSUMED, Sent

ORDERS_API = Function("orders-api", "7", memory_mb=512, used_mb=118, timeout_s=10, init_ms=430)
ORDER_WORKER = Function("order-worker", "12", memory_mb=512, used_mb=131, timeout_s=60, init_ms=510)
PAYMENT = Function("payment", "4", memory_mb=256, used_mb=97, timeout_s=6, init_ms=380)
THUMBNAILER = Function("thumbnailer", "3", memory_mb=1024, used_mb=540, timeout_s=15, init_ms=910)
NOTIFICATIONS = Function("notifications", "9", memory_mb=256, used_mb=88, timeout_s=10, init_ms=290)
NIGHTLY_REPORT = Function("nightly-report", "2", memory_mb=2048, used_mb=930, timeout_s=300, init_ms=640)

QUEUE = "order-queue"
BUCKET = "shop-receipts"
BUS = "shop-events"
TABLE = "orders"
BANK = "api.bank.example"
BATCH_MESSAGES = 5
BATCH_WINDOW_NS = 2 * NS_PER_S
VISIBILITY_NS = 30 * NS_PER_S
ASYNC_RETRY_NS = 60 * NS_PER_S
SETTLED_NS = 120 * NS_PER_S
"""After so long an order has no more consequences, its retries included."""

INFO, WARN, ERROR = SeverityNumber.INFO, SeverityNumber.WARN, SeverityNumber.ERROR


class Story(StrEnum):
    """What becomes of an order."""

    ORDINARY = "ordinary"
    SLOW = "slow"
    FAILED = "failed"
    TIMEOUT = "timeout"
    RETRY = "retry"
    REJECTED = "rejected"
    CRASH = "crash"


TOLD_BY_WORKER = (Story.FAILED, Story.TIMEOUT)
"""Their traces are the worker's: that is where one sees what happened."""

COLD_START = "cold_start"
"""Beside the stories, the kind of trace in which a new sandbox had to be started."""


@dataclass(frozen=True)
class Order:
    """What a customer wants, and what will become of it."""

    order_id: str
    customer_id: str
    value_eur: float
    story: Story

    @property
    def facts(self) -> Mapping[str, str]:
        """The attributes of every log record about it."""
        return {"shop.order.id": self.order_id, "shop.customer.id": self.customer_id}


@dataclass(frozen=True)
class Message:
    """An order in the queue."""

    order: Order
    sent: Sent
    receive_count: int = 1


class Shop:
    """Takes orders and sees them through. `traces` has a trace id for every kind of thing that occurred."""

    def __init__(self, cloud: Cloud, release_ns: int) -> None:
        """From `release_ns` (ns since the epoch) on, a new version of orders-api is in service."""
        self.traces: dict[str, str] = {}
        self._cloud = cloud
        self._takes = cloud.takes
        self._release_ns = release_ns
        self._queue: list[Message] = []
        self._is_polling = False

    def order(self, order: Order, at_ns: int) -> None:
        """A customer's request: `POST /orders`."""
        function = replace(ORDERS_API, version="8") if at_ns >= self._release_ns else ORDERS_API
        handler = partial(self._take_order, order=order)
        outcome = self._cloud.invoke(function, _post_orders(order), handler, at_ns)
        trace_id = format_trace_id(outcome.span.trace_id)
        if outcome.is_cold:
            self.traces.setdefault(COLD_START, trace_id)
        if order.story not in TOLD_BY_WORKER and not (outcome.is_cold and order.story is Story.ORDINARY):
            self.traces.setdefault(order.story.value, trace_id)

    def _take_order(self, run: Invocation, order: Order) -> None:
        run.log(INFO, "order received", {**order.facts, "shop.order.value": order.value_eur})
        run.wait(self._takes(4))
        if order.story is Story.CRASH:
            raise faults.missing_price("gift-card")
        if order.story is Story.REJECTED:
            run.log(WARN, "order has no items", order.facts)
            return _respond(run, 400)
        throttled = 2 if order.story is Story.SLOW else 0
        services.dynamodb(run, "PutItem", TABLE, order.order_id, self._takes(9), throttled)
        message = Message(order, services.send_message(run, QUEUE, self._takes(12)))
        self._cloud.at(run.now_ns, partial(self._enqueue, message))
        run.sandbox.measurements.order(run.context, order.value_eur)
        return _respond(run, 201)

    def _enqueue(self, message: Message, at_ns: int) -> None:
        self._queue.append(message)
        if not self._is_polling:
            self._is_polling = True
            self._cloud.at(at_ns + BATCH_WINDOW_NS, self._poll)

    def _poll(self, at_ns: int) -> None:
        batch, self._queue = self._queue[:BATCH_MESSAGES], self._queue[BATCH_MESSAGES:]
        self._is_polling = bool(self._queue)
        if self._is_polling:
            self._cloud.at(at_ns, self._poll)
        trigger = Trigger("pubsub", consumed=_keys(batch))
        self._cloud.invoke(ORDER_WORKER, trigger, partial(self._work, batch=batch), at_ns)

    def _work(self, run: Invocation, batch: list[Message]) -> None:
        run.sandbox.measurements.backlog(QUEUE, len(self._queue))
        attributes = {**_processing(batch), "messaging.batch.message_count": len(batch)}
        links = [message.sent.link for message in batch]
        with run.span(f"process {QUEUE}", SpanKind.CONSUMER, attributes, links):
            for message in batch:
                self._process(run, message)

    def _process(self, run: Invocation, message: Message) -> None:
        """One message; its failure is reported as a batch item failure and leaves the others alone."""
        attributes: Attributes = {
            **_processing([message]),
            "messaging.message.id": message.sent.keys[0].removeprefix("sqs:"),
            "shop.message.receive_count": message.receive_count,
        }
        try:
            with run.span(f"process {QUEUE}", SpanKind.CONSUMER, attributes, [message.sent.link]):
                self._fulfil(run, message)
        except Fault as fault:
            run.log(ERROR, f"order failed: {fault.message}", message.order.facts)
            self.traces.setdefault(message.order.story.value, _trace_id(run))

    def _fulfil(self, run: Invocation, message: Message) -> None:
        order = message.order
        paid = services.invoke(run, self._cloud, PAYMENT, partial(self._pay, message=message))
        if isinstance(paid.fault, TimedOut):
            again = replace(message, receive_count=message.receive_count + 1)
            self._cloud.at(run.now_ns + VISIBILITY_NS, partial(self._enqueue, again))
            run.log(WARN, "payment timed out, the message goes back to the queue", order.facts)
        services.dynamodb(run, "UpdateItem", TABLE, order.order_id, self._takes(8))
        if paid.fault:
            raise faults.callee_failed(PAYMENT.name, paid.fault.type)
        self._tell_others(run, order)
        run.log(INFO, "order paid", order.facts)

    def _tell_others(self, run: Invocation, order: Order) -> None:
        key = f"receipts/{order.order_id}.png"
        receipt = services.put_object(run, BUCKET, key, 48_213, self._takes(38))
        soon_ns = run.now_ns + int(self._takes(900) * NS_PER_MS)
        self._cloud.at(soon_ns, partial(self._thumbnail, receipt, key))
        event = services.put_event(run, BUS, "OrderPaid", self._takes(15))
        soon_ns = run.now_ns + int(self._takes(400) * NS_PER_MS)
        self._cloud.at(soon_ns, partial(self._notify, event, order, None))

    def _pay(self, run: Invocation, message: Message) -> None:
        order, path = message.order, "/v1/charges"
        run.log(INFO, "charging the card", {**order.facts, "shop.order.value": order.value_eur})
        if order.story is Story.FAILED:
            services.http_post(run, BANK, path, 402, self._takes(180))
            raise faults.card_declined(order.order_id)
        if order.story is Story.TIMEOUT and message.receive_count == 1:
            services.http_post(run, BANK, path, 200, 2 * run.function.timeout_s * 1000)
        if order.story is Story.SLOW:
            services.http_post(run, BANK, path, 503, self._takes(600))
            run.log(WARN, "the bank is busy, trying again", order.facts)
        resend = int(order.story is Story.SLOW)
        services.http_post(run, BANK, path, 201, self._takes(210), resend)
        run.log(INFO, "card charged", order.facts)

    def _thumbnail(self, receipt: Sent, key: str, at_ns: int) -> None:
        document: Attributes = {
            "faas.document.collection": BUCKET,
            "faas.document.operation": "insert",
            "faas.document.name": key,
            "faas.document.time": _iso(at_ns),
        }
        trigger = Trigger("datasource", document, receipt.keys)
        self._cloud.invoke(THUMBNAILER, trigger, partial(self._render, key=key), at_ns)

    def _render(self, run: Invocation, key: str) -> None:
        with services.aws_call(run, "S3", "GetObject", {"aws.s3.bucket": BUCKET, "aws.s3.key": key}):
            run.wait(self._takes(26))
        with run.span("render thumbnail", attributes={"shop.thumbnail.width": 320}):
            run.wait(self._takes(310))
        services.put_object(run, "shop-thumbnails", key, 6_120, self._takes(30))
        run.log(INFO, "thumbnail rendered", {"aws.s3.key": key})

    def _notify(self, event: Sent, order: Order, request_id: str | None, at_ns: int) -> None:
        """`request_id` is None at the first attempt; Lambda repeats asynchronous invocations by themselves."""
        is_throttled = order.story is Story.RETRY and request_id is None
        handler = partial(self._send_mail, order=order, is_throttled=is_throttled)
        trigger = Trigger("pubsub", consumed=event.keys)
        outcome = self._cloud.invoke(NOTIFICATIONS, trigger, handler, at_ns, request_id=request_id)
        if outcome.fault:
            again = partial(self._notify, event, order, outcome.request_id)
            self._cloud.at(outcome.end_ns + ASYNC_RETRY_NS, again)

    def _send_mail(self, run: Invocation, order: Order, is_throttled: bool) -> None:
        with services.aws_call(run, "SESv2", "SendEmail", {}):
            run.wait(self._takes(70))
            if is_throttled:
                raise faults.mail_throttled()
        run.log(INFO, "customer notified", order.facts)

    def report(self, at_ns: int) -> None:
        """The nightly report, at its hour."""
        times = {"faas.cron": "0 2 * * ? *", "faas.time": _iso(at_ns)}
        trigger = Trigger("timer", times, (f"eventbridge:{uuid4()}",))
        self._cloud.invoke(NIGHTLY_REPORT, trigger, self._write_report, at_ns)

    def _write_report(self, run: Invocation) -> None:
        for _ in range(3):
            services.dynamodb(run, "Query", TABLE, "", self._takes(160))
        with run.span("aggregate orders"):
            run.wait(self._takes(850))
        services.put_object(run, "shop-reports", f"{_iso(run.now_ns)[:10]}.csv", 91_350, self._takes(55))
        run.log(INFO, "report written")


def _post_orders(order: Order) -> Trigger:
    body = {"order": order.order_id, "customer": order.customer_id, "card": "****"}
    attributes: Attributes = {
        "http.request.method": "POST",
        "http.route": "/orders",
        "url.scheme": "https",
        "url.path": "/orders",
        "server.address": "shop.example",
        "client.address": "203.0.113.7",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
        "coldlight.payload.request": json.dumps(body),
    }
    return Trigger("http", attributes, (f"apigateway:{uuid4()}",), "/orders")


def _respond(run: Invocation, status: int) -> None:
    get_current_span(run.context).set_attribute("http.response.status_code", status)


def _keys(batch: list[Message]) -> tuple[str, ...]:
    return tuple(key for message in batch for key in message.sent.keys)


def _processing(batch: list[Message]) -> dict[str, str | tuple[str, ...]]:
    operation = {"messaging.operation.name": "process", "messaging.operation.type": "process"}
    return {**services.queue_attributes(QUEUE), **operation, "faas.trigger": "pubsub", CONSUMED: _keys(batch)}


def _trace_id(run: Invocation) -> str:
    return format_trace_id(get_current_span(run.context).get_span_context().trace_id)


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // NS_PER_S, UTC).isoformat()
