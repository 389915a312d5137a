"""Worlds sent through the real receivers of a running Coldlight, asked for, and judged."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import httpx

from benchmarks.coldlight import inserted
from benchmarks.sending import wait_until_visible
from benchmarks.signals import TRACES
from benchmarks.system import Footprint, System
from benchmarks.truth.answers import Api, api
from benchmarks.truth.asking import Entered, Judged, entered, judged
from benchmarks.truth.recording import MadeSpan
from benchmarks.truth.wire import requests
from benchmarks.truth.world import World

DURATION_NS = 16 * 3600 * 10**9
"""Longer than anything takes that is sent: all of it lies in the past."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Findings:
    """What came of a trial. `spans` is how many were sent."""

    judged: Sequence[Judged]
    entered: Sequence[Entered]
    spans: int


def running(collector: str, query: str) -> System:
    """A Coldlight that runs already, by the URLs of OTLP/HTTP and of the query service; its disk is not looked at."""
    return System([collector], {}, partial(inserted, collector), lambda _: Footprint(0, 0, 0, 0), query)


def trial(system: System, worlds: Sequence[World], now_ns: int, progress: Progress) -> Findings:
    """Sends all worlds among each other, what is late after everything else has been asked for once; then asks and judges.

    Raises LookupError when what was acknowledged does not become visible, httpx.HTTPStatusError when something is refused.
    """
    start_ns = now_ns - DURATION_NS
    with api(system.query_url) as asked:
        return _trial(system, asked, worlds, start_ns, progress)


def _trial(
    system: System, asked: Api, worlds: Sequence[World], start_ns: int, progress: Progress
) -> Findings:
    spans = _send(system, worlds, lambda world: world.wire.first, start_ns, progress)
    for world in worlds:
        if world.wire.later:
            list(judged(asked, world))
    spans += _send(system, worlds, lambda world: world.wire.later, start_ns, progress)
    verdicts: list[Judged] = []
    entries: list[Entered] = []
    for number, world in enumerate(worlds, 1):
        verdicts += judged(asked, world)
        entries += entered(asked, world, Random(f"asking {world.recipe.seed}"))
        progress("asking", number, len(worlds))
    return Findings(verdicts, entries, spans)


def _send(
    system: System,
    worlds: Sequence[World],
    choose: Callable[[World], Sequence[MadeSpan]],
    start_ns: int,
    progress: Progress,
) -> int:
    """In requests of all worlds, shuffled; returns the number of spans, once all of them are visible."""
    bodies = list(_bodies(worlds, choose, start_ns))
    Random(len(bodies)).shuffle(bodies)
    before, sent = system.visible(TRACES), 0
    with httpx.Client(base_url=system.urls[0], headers={"Content-Type": "application/x-protobuf"}) as client:
        for number, (spans, body) in enumerate(bodies, 1):
            client.post(TRACES.path, content=body).raise_for_status()
            sent += spans
            progress("sending", number, len(bodies))
    if missing := wait_until_visible(system, TRACES, before + sent):
        raise LookupError(f"{missing} of {sent} acknowledged spans are not visible")
    return sent


def _bodies(
    worlds: Sequence[World], choose: Callable[[World], Sequence[MadeSpan]], start_ns: int
) -> Iterator[tuple[int, bytes]]:
    for world in worlds:
        dice = Random(f"sending {world.recipe.seed}")
        yield from requests(choose(world), world.instances, start_ns, world.recipe.flavour, dice)
