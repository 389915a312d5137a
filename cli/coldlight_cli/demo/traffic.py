"""What customers do in the simulated shop, and what `coldlight demo` has to tell about it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from coldlight_cli.demo.cloud import Cloud
from coldlight_cli.demo.delivery import BATCH, Delivery, DemoError, resolve_endpoint
from coldlight_cli.demo.sandbox import NS_PER_MS, NS_PER_S
from coldlight_cli.demo.shop import SETTLED_NS, Order, Shop, Story

LEAST_SECONDS = 300
METRICS_INTERVAL_NS = 60 * NS_PER_S
BURSTS = (1, 1, 1, 2, 3, 4)
"""How many customers come at about the same time; together they fill batches."""

SHARES: Mapping[Story, int] = {
    Story.ORDINARY: 72,
    Story.SLOW: 8,
    Story.FAILED: 8,
    Story.TIMEOUT: 3,
    Story.RETRY: 4,
    Story.REJECTED: 3,
    Story.CRASH: 2,
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DemoResult:
    """What was sent and taken.

    `traces` has a trace id for every kind that occurred: `ordinary`, `slow`, `failed` (a declined card, with
    its stack trace), `timeout`, `retry`, `rejected`, `crash` and `cold_start`.
    """

    traces: Mapping[str, str]
    spans: int
    logs: int
    data_points: int


def _no_progress(done: int, total: int) -> None:
    """Nobody watches."""


def run(
    endpoint: str | None = None,
    requests: int = 50,
    seconds: int = 900,
    seed: int = 0,
    progress: Progress = _no_progress,
    headers: Mapping[str, str] | None = None,
) -> DemoResult:
    """Have customers place `requests` orders over the last `seconds`, and send what the functions report.

    `endpoint` is the base URL of an OTLP/HTTP receiver: see `resolve_endpoint` for its default. The same
    `seed` gives the same course of events, with new ids. `progress` is called with the orders placed so far
    and `requests`. Raises DemoError when nothing answers, or when something was not taken.
    """
    if requests < 1 or seconds < LEAST_SECONDS:
        raise DemoError(f"write 1 or more requests, and {LEAST_SECONDS} or more seconds")
    with Delivery(resolve_endpoint(endpoint), headers) as delivery:
        shop = _play(delivery, requests, seconds, seed, progress)
        return DemoResult(shop.traces, delivery.spans, delivery.logs, delivery.points)


def _play(delivery: Delivery, requests: int, seconds: int, seed: int, progress: Progress) -> Shop:
    dice = random.Random(seed)
    cloud = Cloud(delivery, dice)
    now_ns = time.time_ns()
    begin_ns, end_ns = now_ns - seconds * NS_PER_S, now_ns - SETTLED_NS
    middle_ns = (begin_ns + end_ns) // 2
    shop = Shop(cloud, release_ns=middle_ns)
    cloud.at(middle_ns, shop.report)
    arrivals = _arrivals(dice, requests, begin_ns, end_ns)
    for done, (at_ns, story) in enumerate(zip(arrivals, _stories(dice, requests), strict=True), 1):
        cloud.at(at_ns, partial(_place, shop, _order(dice, story), done, requests, progress))
    for at_ns in range(now_ns, begin_ns, -METRICS_INTERVAL_NS):
        cloud.at(at_ns, delivery.send_metrics)
    for _ in cloud.play():
        if delivery.pending >= BATCH:
            delivery.send()
    delivery.send()
    return shop


def _place(shop: Shop, order: Order, done: int, total: int, progress: Progress, at_ns: int) -> None:
    shop.order(order, at_ns)
    progress(done, total)


def _order(dice: random.Random, story: Story) -> Order:
    customer_id, value_eur = f"c-{dice.randrange(1000):03}", round(dice.lognormvariate(3.5, 0.8), 2)
    return Order(str(uuid4()), customer_id, value_eur, story)


def _stories(dice: random.Random, requests: int) -> list[Story]:
    """One for each request: every story once, as far as there are requests, and the rest by their shares."""
    rest = dice.choices(list(SHARES), list(SHARES.values()), k=requests)
    stories = [*SHARES, *rest][:requests]
    dice.shuffle(stories)
    return stories


def _arrivals(dice: random.Random, requests: int, begin_ns: int, end_ns: int) -> list[int]:
    """When the requests come (ns since the epoch), in order."""
    bursts = _bursts(dice, begin_ns, end_ns)
    return sorted(next(bursts) for _ in range(requests))


def _bursts(dice: random.Random, begin_ns: int, end_ns: int) -> Iterator[int]:
    while True:
        start_ns = dice.randrange(begin_ns, end_ns)
        for _ in range(dice.choice(BURSTS)):
            yield start_ns + dice.randrange(400 * NS_PER_MS)
