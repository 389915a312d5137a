"""What a handler raises: errors that look harmless until somebody touches them, and what is no `Exception` at all."""

import asyncio
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Frozen(Exception):
    order: int


class _Stubborn(Exception):
    """Insists on its own idea of its traceback, its cause and its class."""

    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("that is mine")

    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("that is mine, too")

    def with_traceback(self, _: Any) -> Any:
        raise RuntimeError("keep it")


class _Lying(Exception):
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return KeyError

    def __str__(self) -> str:
        return "trust me"


class _Mute(Exception):
    def __str__(self) -> str:
        raise TypeError("no words")


class _Own(BaseException):
    pass


def deep(event: Any, context: Any) -> Any:
    return json.loads("{" + str(event))


def with_a_cause(event: Any, context: Any) -> Any:
    try:
        return int("seven")
    except ValueError as error:
        raise LookupError("no seventh order") from error


def while_handling(event: Any, context: Any) -> Any:
    try:
        return int("seven")
    except ValueError:
        return {"order": 7}[str(event)]


def in_a_group(event: Any, context: Any) -> Any:
    raise ExceptionGroup("two failed", [ValueError("a"), ExceptionGroup("and one", [KeyError("b")])])


def with_notes(event: Any, context: Any) -> Any:
    error = ValueError("declined")
    error.add_note("while packing")
    raise error


def raised_again(event: Any, context: Any) -> Any:
    """One object that is raised anew each time, and keeps what it had before."""
    raise _once


_once = ValueError("once and for all")


def frozen(event: Any, context: Any) -> Any:
    raise _Frozen(7)


def stubborn(event: Any, context: Any) -> Any:
    raise _Stubborn("mine")


def lying(event: Any, context: Any) -> Any:
    raise _Lying


def mute(event: Any, context: Any) -> Any:
    raise _Mute


def surrogates(event: Any, context: Any) -> Any:
    raise ValueError("order \ud83d of \udcff")


def very_long(event: Any, context: Any) -> Any:
    raise ValueError("x" * 300_000)


def no_exception(event: Any, context: Any) -> Any:
    raise "a string"  # type: ignore[misc]  # noqa: B016


def out_of_memory(event: Any, context: Any) -> Any:
    raise MemoryError


def stops_the_iteration(event: Any, context: Any) -> Any:
    raise StopIteration(event)


def recursion_below(event: Any, context: Any) -> Any:
    """As deep as Python lets it: what is called on the way back has room, what is called at the bottom has none."""
    try:
        return recursion_below(event, context)
    except RecursionError:
        raise OverflowError("too deep") from None


def survives_recursion(event: Any, context: Any) -> Any:
    def deeper(depth: int) -> int:
        try:
            return deeper(depth + 1)
        except RecursionError:
            return depth

    return deeper(0) > 100


def in_a_thread(event: Any, context: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(deep, event, context).result()


def in_a_thread_that_nobody_asks(event: Any, context: Any) -> Any:
    thread = threading.Thread(target=with_a_cause, args=(event, context))
    thread.start()
    thread.join()
    return "done"


def in_a_loop(event: Any, context: Any) -> Any:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError(event)

    asyncio.run(fails())


def cancelled(event: Any, context: Any) -> Any:
    raise asyncio.CancelledError


def interrupted(event: Any, context: Any) -> Any:
    raise KeyboardInterrupt


def own_base(event: Any, context: Any) -> Any:
    raise _Own("mine")


def generator_exit(event: Any, context: Any) -> Any:
    raise GeneratorExit


def leaves_in_peace(event: Any, context: Any) -> Any:
    sys.exit()


def leaves_with_words(event: Any, context: Any) -> Any:
    sys.exit("that is all")


def aborts(event: Any, context: Any) -> Any:
    os.abort()
