"""Functions as people write them, good ones and bad ones."""

import asyncio
import logging
import os
import sys
import time
from typing import Any

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def hello(event: Any, context: Any) -> Any:
    return {"statusCode": 200, "body": f"hello {event}"}


def echo(event: Any, context: Any) -> Any:
    return event


def environment(event: Any, context: Any) -> Any:
    return {"_HANDLER": os.environ["_HANDLER"], "path": "PYTHONPATH" in os.environ}


def broken(event: Any, context: Any) -> Any:
    return _deep(event)


def _deep(event: Any) -> Any:
    try:
        return {}[event]
    except KeyError as error:
        raise ValueError(f"no such order: {event}") from error


def too_deep(event: Any, context: Any) -> Any:
    return too_deep(event, context)


def no_json(event: Any, context: Any) -> Any:
    return object()


def large(event: Any, context: Any) -> Any:
    return "x" * event


def in_a_loop(event: Any, context: Any) -> Any:
    async def work() -> str:
        await asyncio.sleep(0.001)
        return "done"

    return asyncio.run(work())


def logs(event: Any, context: Any) -> Any:
    print("printed")
    logger.warning("warned of %s", event)
    return None


def slow(event: Any, context: Any) -> Any:
    time.sleep(event)
    return "awake"


def hungry(event: Any, context: Any) -> Any:
    held = []
    while True:
        held.append(bytearray(8 << 20))
        time.sleep(0.001)


def leaves(event: Any, context: Any) -> Any:
    sys.exit(3)


def drops_dead(event: Any, context: Any) -> Any:
    os._exit(7)


class Callable:
    def __call__(self, event: Any, context: Any) -> Any:
        return [event, context.aws_request_id]


instance = Callable()


def any_of_them(event: Any, context: Any) -> Any:
    """The function named first, with the event named second."""
    name, given = event
    return globals()[name](given, context)
