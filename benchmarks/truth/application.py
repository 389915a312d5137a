"""A made-up application: functions in levels, and the routes by which each may set off functions of later levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.truth.services import RESULT, RESULT_IN_QUEUE, SERVICES, Delivery, Service

LEVELS = 4
_NOUNS = (
    "orders",
    "prices",
    "payments",
    "stock",
    "invoices",
    "parcels",
    "mails",
    "audit",
    "reports",
    "images",
)


@dataclass(frozen=True)
class Route:
    """One thing that a function does for a record: with this chance, by this service, to these functions."""

    service: Service
    place: str
    targets: tuple[str, ...]
    chance: float
    dead_letters_to: str = ""
    """The function that reads a queue's dead letters, or what is told of an invocation that failed for good."""
    told_by: Service = RESULT
    tells_success: bool = False
    """Whether every invocation's result is told, and not only that one failed for good."""


@dataclass(frozen=True)
class Function:
    """`tells`: its spans say which record of a batch caused what. `digests`: it also sends something for a whole batch.
    `batch`: the most records that it is given at once."""

    name: str
    tells: bool
    digests: bool
    batch: int
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Application:
    """`entries` are functions that requests begin with, `quiet` one that sets off no others."""

    functions: Mapping[str, Function]
    entries: Sequence[str]
    quiet: str


def application(dice: Random, services: Sequence[Service] = tuple(SERVICES.values())) -> Application:
    """Some ten functions, with routes over random ones of these services."""
    levels = [
        [f"{noun}-{level}" for noun in dice.sample(_NOUNS, dice.randint(2, 3))] for level in range(LEVELS)
    ]
    functions = [
        _function(name, [later for names in levels[level + 1 :] for later in names], dice, services)
        for level, names in enumerate(levels)
        for name in names
    ]
    quiet = Function("watchdog", tells=False, digests=False, batch=5, routes=())
    return Application({each.name: each for each in (*functions, quiet)}, levels[0], quiet.name)


def _function(name: str, later: Sequence[str], dice: Random, services: Sequence[Service]) -> Function:
    routes = [_route(name, later, dice, services) for _ in range(dice.randint(1, 3))] if later else []
    return Function(
        name,
        tells=dice.random() < 0.7,
        digests=dice.random() < 0.25,
        batch=dice.randint(2, 6),
        routes=tuple(routes),
    )


def _route(name: str, later: Sequence[str], dice: Random, services: Sequence[Service]) -> Route:
    service = dice.choice(services)
    fans_out = service.core in ("sns", "eventbridge", "kinesis", "appsync", "stepfunctions")
    targets = dice.sample(later, min(len(later), dice.choice((1, 1, 2)) if fans_out else 1))
    fifo = ".fifo" if service.name == "sqs-fifo" else ""
    is_told = service.delivery in (Delivery.PUSH, Delivery.POLL) and dice.random() < 0.5
    return Route(
        service,
        place=f"{name}-{service.name}-{dice.randrange(100)}{fifo}",
        targets=tuple(targets),
        chance=dice.uniform(0.4, 0.9),
        dead_letters_to="watchdog" if is_told else "",
        told_by=dice.choice((RESULT, RESULT_IN_QUEUE)),
        tells_success=service.name == "lambda-async" and dice.random() < 0.3,
    )
