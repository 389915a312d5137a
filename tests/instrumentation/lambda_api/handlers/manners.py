"""Functions that do as they please with the process that they run in."""

import builtins
import contextlib
import gc
import importlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

loads: list[int] = [*globals().get("loads", []), 1]
"""One for each time that this module was executed."""


def reloads_itself(event: Any, context: Any) -> Any:
    """The module that it comes from is executed anew under its feet."""
    module = importlib.reload(sys.modules[__name__])
    return module.answers(event, context)


def answers(event: Any, context: Any) -> Any:
    return ["answered", event]


def imports_late(event: Any, context: Any) -> Any:
    import sqlite3

    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        return database.execute("SELECT 7").fetchone()


def forgets_modules(event: Any, context: Any) -> Any:
    """As test runners and hot reloaders do."""
    for name in [name for name in sys.modules if name.startswith(("json", "coldlight_lambda"))]:
        del sys.modules[name]
    return importlib.import_module("json").dumps(event)


def clears_its_environment(event: Any, context: Any) -> Any:
    with patch.dict(os.environ, clear=True):
        return json.dumps(event)


def without_stderr(event: Any, context: Any) -> Any:
    with contextlib.redirect_stderr(None):
        return event


def with_a_closed_stderr(event: Any, context: Any) -> Any:
    closed = io.StringIO()
    closed.close()
    with contextlib.redirect_stderr(closed):
        return {"order": 7}[str(event)]


def without_sockets(event: Any, context: Any) -> Any:
    """As tests forbid the network."""
    with patch.object(socket, "socket", side_effect=RuntimeError("no network")):
        return event


def with_another_clock(event: Any, context: Any) -> Any:
    with patch.object(time, "time", return_value=0.0), patch.object(time, "time_ns", return_value=0):
        return event


def with_another_print(event: Any, context: Any) -> Any:
    with patch.object(builtins, "print", side_effect=RuntimeError("no words")):
        return event


def collects_by_hand(event: Any, context: Any) -> Any:
    gc.disable()
    gc.collect()
    gc.enable()
    return event


def warns_of_everything(event: Any, context: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return json.loads(json.dumps(event))


def traces_itself(event: Any, context: Any) -> Any:
    seen: list[str] = []
    sys.settrace(lambda frame, what, _: seen.append(frame.f_code.co_name))
    answers(event, context)
    sys.settrace(None)
    return seen


def logs_as_it_likes(event: Any, context: Any) -> Any:
    root = logging.getLogger()
    kept, root.handlers = root.handlers, [logging.NullHandler()]
    root.error("nobody hears of %s", event)
    root.handlers = kept
    return len(kept)


def has_an_alarm(event: Any, context: Any) -> Any:
    """The signals of a process are the function's."""
    rang: list[int] = []
    previous = signal.signal(signal.SIGALRM, lambda number, _: rang.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    while not rang:
        time.sleep(0.001)
    signal.signal(signal.SIGALRM, previous)
    return [rang == [signal.SIGALRM], previous is signal.SIG_DFL]


def runs_a_program(event: Any, context: Any) -> Any:
    return subprocess.run(["/bin/echo", str(event)], capture_output=True, text=True, check=True).stdout


def forks(event: Any, context: Any) -> Any:
    child = os.fork()
    if not child:
        os._exit(len(json.dumps(event)) % 100)
    return os.waitpid(child, 0)[1]


def leaves_threads_behind(event: Any, context: Any) -> Any:
    go_on = threading.Event()
    threading.Thread(target=go_on.wait, args=(0.05,), daemon=True).start()
    return threading.current_thread() is threading.main_thread()


def nearly_too_deep(event: Any, context: Any) -> Any:
    kept = sys.getrecursionlimit()
    sys.setrecursionlimit(_depth() + 30)
    try:
        return answers(event, context)
    finally:
        sys.setrecursionlimit(kept)


def _depth() -> int:
    return sum(1 for _ in _frames())


def _frames() -> Iterator[Any]:
    frame: Any = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
