"""Functions that make spans, and do not always live to end them."""

import os
import time
from typing import Any

from coldlight_lambda import recorder
from coldlight_lambda.spans import CLIENT


def _span(name: str, **attributes: Any) -> None:
    span = recorder.start(name, attributes=attributes)
    if span is not None:  # there is none where the function runs without the layer
        recorder.end(span)


def some(event: Any, context: Any) -> Any:
    for number in range(event):
        _span(f"span {number}")
    return event


def many(event: Any, context: Any) -> Any:
    """More than a socket's buffer takes at once."""
    for number in range(event):
        _span(f"span {number}", text="x" * 2000)
    return event


def dies(event: Any, context: Any) -> Any:
    """Three spans, a call that is under way, and then what `event` says."""
    for number in range(3):
        _span(f"finished {number}")
    call = recorder.start("call", CLIENT)
    if call is not None:
        recorder.announce(call)
    if event == "timeout":
        time.sleep(60)
    if event == "memory":
        held = []
        while True:
            held.append(bytearray(8 << 20))
            time.sleep(0.001)
    os._exit(1)
