import asyncio
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar
from types import SimpleNamespace
from typing import Any

import pytest
from tests.instrumentation.injection import harm
from tests.instrumentation.recordings import Recording

from coldlight_lambda import recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.patches import threads
from coldlight_lambda.spans import CLIENT


def call(name: str) -> None:
    """Something that is recorded."""
    span = recorder.start(name)
    if span is not None:
        recorder.end(span)


def in_thread(name: str) -> threading.Thread:
    thread = threading.Thread(target=call, args=(name,))
    thread.start()
    return thread


def test_a_thread_goes_on_in_the_invocation_that_started_it(recorded: Recording) -> None:
    recorded.invoke(lambda: in_thread("load").join())
    assert recorded.only().parent_span_id == recorded.root().span_id


def test_a_thread_of_a_class_of_its_own_does_so_too(recorded: Recording) -> None:
    class Loader(threading.Thread):
        def run(self) -> None:
            call("load")

    def handler() -> None:
        loader = Loader()
        loader.start()
        loader.join()

    recorded.invoke(handler)
    assert recorded.only().name == "load"


def test_work_in_a_pool_belongs_to_who_submitted_it(recorded: Recording) -> None:
    with ThreadPoolExecutor(1) as pool:
        for request_id in ("request-1", "request-2"):
            recorded.invoke(lambda: list(pool.map(call, ["load"])), request_id)
        pool.submit(call, "for nobody").result()
    for request_id in ("request-1", "request-2"):
        (span,) = recorded.spans(request_id)
        assert span.parent_span_id == recorded.root(request_id).span_id
    assert len(recorded.spans("")) == 0


def test_tasks_belong_to_the_invocation_that_started_them(recorded: Recording) -> None:
    async def work(name: str) -> None:
        await asyncio.sleep(0)
        call(name)
        await asyncio.to_thread(call, f"{name} in a thread")
        await asyncio.get_running_loop().run_in_executor(None, call, f"{name} in a pool")

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    recorded.invoke(lambda: asyncio.run(both()))
    assert len(recorded.spans()) == 6
    assert {span.parent_span_id for span in recorded.spans()} == {recorded.root().span_id}


def test_invocations_at_the_same_time_keep_apart(recorded: Recording) -> None:
    together = threading.Barrier(2, timeout=10)

    def handler() -> None:
        together.wait()
        in_thread("load").join()
        together.wait()

    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(recorded.invoke, handler, request_id) for request_id in ("request-1", "request-2")
        ]
        for one in running:
            one.result()
    for request_id in ("request-1", "request-2"):
        (span,) = recorded.spans(request_id)
        assert span.trace_id == recorded.root(request_id).trace_id


def test_what_outlives_its_invocation_records_nothing_and_joins_no_other(recorded: Recording) -> None:
    is_over = threading.Event()
    threads: list[threading.Thread] = []

    def linger() -> None:
        is_over.wait(10)
        call("late")

    def handler() -> None:
        threads.append(threading.Thread(target=linger))
        threads[0].start()

    def next_handler() -> None:
        is_over.set()
        threads[0].join()

    recorded.invoke(handler)
    recorded.invoke(next_handler, "request-2")
    assert recorded.spans() == []
    assert recorded.spans("request-2") == []


def test_a_task_that_waits_in_a_loop_for_the_next_invocation_does_not_join_it(recorded: Recording) -> None:
    with asyncio.Runner() as runner:
        loop, tasks = runner.get_loop(), []

        async def linger() -> None:
            await asyncio.sleep(0)
            call("late")

        async def handler() -> None:
            tasks.append(asyncio.create_task(linger()))

        async def next_handler() -> None:
            await tasks[0]

        recorded.invoke(lambda: loop.run_until_complete(handler()))
        recorded.invoke(lambda: loop.run_until_complete(next_handler()), "request-2")
    assert recorded.spans() == []
    assert recorded.spans("request-2") == []


def test_a_call_that_was_under_way_is_told_when_it_ends(recorded: Recording) -> None:
    spans: list[Any] = []
    recorded.invoke(lambda: spans.append(recorder.start("slow", CLIENT)))
    recorded.invoke(lambda: recorder.end(spans[0]), "request-2")
    assert recorded.only().name == "slow"


def test_a_thread_has_no_other_context_than_without_us(recorded: Recording) -> None:
    own: ContextVar[str] = ContextVar("own", default="unset")
    seen: list[str] = []

    def handler() -> None:
        own.set("of the handler")
        thread = threading.Thread(target=lambda: seen.append(own.get()))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1, initializer=own.set, initargs=("of the worker",)) as pool:
            seen.append(pool.submit(own.get).result())

    recorded.invoke(handler)
    assert seen == ["unset", "of the worker"]


def test_a_thread_that_runs_in_a_context_of_its_own_is_followed_into_it(recorded: Recording) -> None:
    class Newer:
        """Does what a thread of Python 3.14 does; where the tests run on that, the others here tell more."""

        def start(self) -> None:
            self._context = Context()
            thread = threading.Thread(target=self._bootstrap_inner)
            thread.start()
            thread.join()

        def _bootstrap_inner(self) -> None:
            self._context.run(call, "load")

    threads.patch(SimpleNamespace(Thread=Newer))
    recorded.invoke(Newer().start)
    assert recorded.only().parent_span_id == recorded.root().span_id


def test_threads_of_the_layer_itself_work_for_no_invocation(recorded: Recording) -> None:
    seen: list[Any] = []

    def handler() -> None:
        thread = threading.Thread(target=recorder.contained, args=(lambda: seen.append(current.get()),))
        thread.start()
        thread.join()

    recorded.invoke(handler)
    assert seen == [None]


def test_an_exception_in_a_thread_is_reported_without_a_trace_of_us(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: list[str] = []
    monkeypatch.setattr(
        threading, "excepthook", lambda told: stacks.append("".join(traceback.format_tb(told[2])))
    )

    def fail() -> None:
        raise ValueError("mine")

    def handler() -> None:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()

    recorded.invoke(handler)
    assert "fail" in stacks[0]
    assert "coldlight" not in stacks[0]


def test_an_exception_in_a_pool_reaches_its_future(recorded: Recording) -> None:
    def fail() -> None:
        raise ValueError("mine")

    def handler() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(fail).result()

    with pytest.raises(ValueError, match="mine"):
        recorded.invoke(handler)


def test_outside_of_an_invocation_threads_are_as_they_were(recorded: Recording) -> None:
    in_thread("load").join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call, "load").result()
    assert recorded.frames == []


def test_an_error_in_the_recorder_stops_no_thread(recorded: Recording) -> None:
    def work() -> list[int]:
        done: list[int] = []
        thread = threading.Thread(target=done.append, args=(1,))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(done.append, 2).result()
        return done

    assert harm(work, recorded.invoke) == []
