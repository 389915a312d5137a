"""What a runtime calls as a handler without being a plain function of two arguments."""

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache, partial, wraps
from typing import Any, ClassVar


def _of_three(shop: Any, event: Any, context: Any) -> Any:
    return [shop, event]


class Result:
    """A class as a handler: its instances are what it answers, and no JSON."""

    def __init__(self, event: Any, context: Any) -> None:
        self.event = event


class Till:
    __slots__ = ("opened",)
    names: ClassVar[list[str]] = ["till"]

    def __init__(self) -> None:
        self.opened = 0

    def __call__(self, event: Any, context: Any) -> Any:
        self.opened += 1
        return [self.opened, event]

    def sells(self, event: Any, context: Any) -> Any:
        return ["sold", event]

    @classmethod
    def knows(cls, event: Any, context: Any) -> Any:
        return [cls.names, event]

    @staticmethod
    def opens(event: Any, context: Any) -> Any:
        return event


class Everything:
    """Has whatever it is asked for, as mocks and proxies have."""

    def __getattr__(self, name: str) -> Any:
        return name

    def __call__(self, event: Any, context: Any) -> Any:
        return ["everything", event]


class Nothing:
    """Will not be asked for anything but to be called."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"{name} is not for you")

    def __call__(self, event: Any, context: Any) -> Any:
        return ["nothing", event]


def _logged(handler: Any) -> Any:
    @wraps(handler)
    def logging(event: Any, context: Any) -> Any:
        return ["logged", handler(event, context)]

    return logging


given_first = partial(_of_three, "shop")
given_by_name = partial(_of_three, context=None)
with_slots = Till()
of_an_instance = Till().sells
of_a_class = Till.knows
static = Till.opens
everything = Everything()
nothing = Nothing()
unnamed = lambda event, context: event
remembered = lru_cache(lambda event, context: "remembered")
a_builtin = isinstance
a_type = dict
no_callable = {"event": "context"}


@_logged
def decorated(event: Any, context: Any) -> Any:
    return event


def defaults(event: Any, context: Any = None, more: Any = 7) -> Any:
    return [event, more]


def anything(*arguments: Any, **names: Any) -> Any:
    return [len(arguments), names]


def too_few(event: Any) -> Any:
    return event


def too_many(event: Any, context: Any, more: Any) -> Any:
    return event


def by_name(*, event: Any, context: Any) -> Any:
    return event


async def asynchronous(event: Any, context: Any) -> Any:
    """Python's runtime does not await: a coroutine is what it gets, and that is no JSON."""
    return event


def generator(event: Any, context: Any) -> Iterator[Any]:
    yield event


async def asynchronous_generator(event: Any, context: Any) -> AsyncIterator[Any]:
    yield event


def streams(event: Any, context: Any) -> Any:
    return (part for part in [event])
