"""How requests begin: with what nobody here has sent, so that no span but the first invocation's tells of it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

from benchmarks.truth.application import application
from benchmarks.truth.cloud import MS, Arrival, Cloud, Frame, S
from benchmarks.truth.deliveries import Deliveries
from benchmarks.truth.graph import Run
from benchmarks.truth.recording import SERVER, MadeSpan, Recording, Role
from benchmarks.truth.services import SERVICES, WEB, produced, uuid

BURST_NS = 3 * S
"""So close together requests come, that they meet in batches."""

Begin = Callable[[Cloud, int], list[Run]]


def world(seed: int, requests: int, services: Sequence[str] = ()) -> Recording:
    """An application over these services (all, if none are named) and so many requests to it; equal for equal seeds."""
    dice = Random(seed)
    chosen = [SERVICES[name] for name in services or SERVICES]
    cloud = Cloud(application(dice, chosen), dice, Deliveries().perform)
    for number in range(requests):
        at_ns = number // 8 * 40 * S + dice.randrange(BURST_NS)
        kind = dice.choice(list(BEGINNINGS))
        cloud.at(at_ns, partial(_begin, cloud, kind))
    cloud.play()
    return cloud.book


def _begin(cloud: Cloud, kind: str, at_ns: int) -> None:
    cloud.book.request(kind, BEGINNINGS[kind](cloud, at_ns))


def _through_gateway(cloud: Cloud, at_ns: int) -> list[Run]:
    """An authorizer may come first; both are told the request's id."""
    names = [_entry(cloud)]
    if cloud.chance(0.4):
        names.insert(0, cloud.application.quiet)
    return _together(cloud, at_ns, "apigateway", names)


def _resolvers(cloud: Cloud, at_ns: int) -> list[Run]:
    """The fields of a GraphQL request, each a function's."""
    entries = cloud.application.entries
    return _together(cloud, at_ns, "appsync", cloud.dice.sample(entries, cloud.dice.randint(1, 2)))


def _schedule(cloud: Cloud, at_ns: int) -> list[Run]:
    """A rule's targets are all told the same event id."""
    entries = cloud.application.entries
    return _together(cloud, at_ns, "schedule", cloud.dice.sample(entries, cloud.dice.randint(1, 2)))


def _upload(cloud: Cloud, at_ns: int) -> list[Run]:
    return _together(cloud, at_ns, "s3", [_entry(cloud)])


def _invoke(cloud: Cloud, at_ns: int) -> list[Run]:
    return _together(cloud, at_ns, "invoke", [_entry(cloud)])


def _together(cloud: Cloud, at_ns: int, source: str, names: list[str]) -> list[Run]:
    """Invocations with one cause, which the platform may tell by one trace id."""
    if source == "invoke":
        keys: tuple[str, ...] = ()
    elif source == "schedule":
        keys = (f"eventbridge:{uuid(cloud.dice)}",)
    else:
        keys = produced(SERVICES[source], "outside", f"item-{cloud.dice.getrandbits(64)}", cloud.dice)
    trace_id = cloud.dice.randbytes(16).hex() if cloud.chance(0.5) else ""
    runs = []
    for name in names:
        arrival = Arrival(
            cloud.application.functions[name],
            (),
            uuid(cloud.dice),
            source,
            "outside",
            trace_id=trace_id,
            consumed=keys,
            may_fail=False,
        )
        outcome = cloud.invoke(arrival, at_ns)
        at_ns = outcome.end_ns + cloud.takes(5)
        runs.append(outcome.run)
    return runs


def _service(cloud: Cloud, at_ns: int) -> list[Run]:
    """A service without Lambda, with OpenTelemetry's own spans."""
    function = cloud.application.functions[_entry(cloud)]
    run = cloud.book.run("", 1, WEB, cloud.book.ref(), 0, tells=False)
    frame = Frame(run, run.span, at_ns + MS)
    own = MadeSpan(run.span, "", "GET /", SERVER, run.number, Role.RUN, at_ns)
    cloud.book.spans.append(own)
    cloud.work(frame, function.routes)
    own.end_ns = frame.now_ns + MS
    own.attributes = {"http.request.method": "GET", "http.route": "/"}
    return [run]


def _entry(cloud: Cloud) -> str:
    return cloud.dice.choice(cloud.application.entries)


BEGINNINGS: Mapping[str, Begin] = {
    "apigateway": _through_gateway,
    "appsync": _resolvers,
    "schedule": _schedule,
    "upload": _upload,
    "invoke": _invoke,
    "service": _service,
}
