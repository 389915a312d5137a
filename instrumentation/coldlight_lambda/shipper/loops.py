"""Threads of the shipper that do the same again and again, as long as the sandbox lasts."""

from __future__ import annotations

import threading
import time

from coldlight_lambda.log import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_S = 1.0


def forever(name: str, step: Callable[[], None]) -> None:
    """Begins such a thread. A step that fails is told, and costs itself and a pause: a thread that ended would have every
    invocation wait for it. Raises RuntimeError where no more threads can be had."""
    threading.Thread(target=_run, args=(name, step), name=name, daemon=True).start()


def _run(name: str, step: Callable[[], None]) -> None:
    while True:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - see above
            tell(f"{name} goes on after a failure: {type(error).__name__}: {error}")
            time.sleep(_PAUSE_S)
