"""What a function was doing shortly before its time was up: the stacks of its threads and its open spans.

One thread for the whole process, and no signal, which would be the function's. An invocation costs a note in a dict: the thread sleeps no
longer than the shortest time that any invocation had, so what begins meanwhile is seen in time without waking it.

What it finds goes to the shipper at once, as an event on the invocation's own span, for the process may be gone soon. Code that never
lets go of Python's lock is not seen.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from coldlight_lambda import frames, otlp, payloads, recorder, stacks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.invocations import Invocation
    from coldlight_lambda.settings import Settings
    from coldlight_lambda.spans import Attributes, Span

EVENT = "coldlight.near_timeout"
_MOST_THREADS, _MOST_SPANS = 50, 100
_LONGEST_STACKS = 32_768
_LONGEST_SLEEP_S = 60.0
_BUSY = float("inf")
"""While the thread is awake it may have overlooked what was just noted: then it is told."""


class _Watch:
    """The thread, what it watches, and when it wakes (Unix seconds). All of it is new in a process that was forked."""

    def __init__(self) -> None:
        self.lead_ms = 0
        self.notes: dict[int, tuple[Invocation, Any, float]] = {}
        self.shortest_s = _LONGEST_SLEEP_S
        self.wakes_at = _BUSY
        self.woken = threading.Condition(threading.Lock())
        self.thread: Optional[threading.Thread] = None


_watch = _Watch()
_forks: list[bool] = []


def set_up(chosen: Settings) -> None:
    """How long before the deadline (`COLDLIGHT_NEAR_TIMEOUT_MS`); 0 is never."""
    _watch.lead_ms = chosen.near_timeout_ms
    if not _forks:
        _forks.append(True)
        os.register_at_fork(after_in_child=_forget_all)


def watch(invocation: Invocation, event: Any) -> None:
    """Notes an invocation that begins. Its snapshot is due the lead before its deadline, or half way, if it has less than twice that."""
    watched = _watch
    if not watched.lead_ms or not invocation.deadline_ms:
        return
    now = time.time()
    remaining_s = invocation.deadline_ms / 1000 - now
    wait_s = max(remaining_s - watched.lead_ms / 1000, remaining_s / 2)
    watched.notes[id(invocation)] = (invocation, event, now + wait_s)
    watched.shortest_s = min(watched.shortest_s, wait_s)
    if watched.thread is None:
        _begin(watched)
    elif now + wait_s < watched.wakes_at:
        with watched.woken:
            watched.woken.notify()


def forget(invocation: Invocation) -> None:
    """The invocation has ended in time."""
    _watch.notes.pop(id(invocation), None)


def _begin(watched: _Watch) -> None:
    watched.thread = threading.Thread(
        target=recorder.contained, args=(_run, watched), name="coldlight-near-timeout", daemon=True
    )
    watched.thread.start()


def _forget_all() -> None:
    """In a process that was forked: threads and locks have stayed behind, and so has whoever waits for the answers."""
    global _watch
    lead_ms, _watch = _watch.lead_ms, _Watch()
    _watch.lead_ms = lead_ms


def _run(watched: _Watch) -> None:
    """Should it ever fail, the next invocation begins another thread."""
    try:
        while True:
            _look(watched)
    finally:
        watched.thread = None


def _look(watched: _Watch) -> None:
    """At what is due, and then waits for what is due next."""
    watched.wakes_at = _BUSY
    now = time.time()
    due = [note for note in list(watched.notes.values()) if note[2] <= now]
    for invocation, event, _ in due:
        if watched.notes.pop(id(invocation), None):
            recorder.contained(snapshot, invocation, event)
    with watched.woken:
        until = min([at for _, _, at in list(watched.notes.values())], default=now + watched.shortest_s)
        watched.wakes_at = min(until, now + watched.shortest_s)
        watched.woken.wait(max(watched.wakes_at - time.time(), 0.001))


def snapshot(invocation: Invocation, event: Any) -> None:
    """Records what runs now on the invocation's own span, and sends that and the spans that are open."""
    root = invocation.root
    open_spans = [span for span in list(invocation.open.values()) if span is not root][:_MOST_SPANS]
    recorder.contained(payloads.of_dying, root, event)
    root.add_event(time.time_ns(), EVENT, _state(invocation, open_spans))
    if recorder.sink is None:
        return
    for span in (*open_spans, root):
        if not span.end_ns:
            recorder.sink.send(frames.OPEN, invocation.request_id, otlp.span(span.copy()))


def _state(invocation: Invocation, open_spans: list[Span]) -> Attributes:
    now_ns = time.time_ns()
    return {
        "coldlight.near_timeout.remaining_ms": invocation.deadline_ms - now_ns // 1_000_000,
        "coldlight.near_timeout.stacks": _all_stacks()[:_LONGEST_STACKS],
        "coldlight.near_timeout.open_spans": [
            f"{span.name} ({(now_ns - span.start_ns) // 1_000_000} ms)" for span in open_spans
        ],
    }


def _all_stacks() -> str:
    """Of every thread but this one, the main thread's first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    main = threading.main_thread().ident
    own = threading.get_ident()
    running = sorted(sys._current_frames().items(), key=lambda entry: entry[0] != main)
    parts = []
    for ident, frame in running[:_MOST_THREADS]:
        if ident != own:
            parts += [f'Thread "{names.get(ident, ident)}":\n', *stacks.lines(stacks.of_frame(frame))]
    return "".join(parts)
