"""OTLP/gRPC under many requests and slow ones: who gets a place, who is told to come again; and the port."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from tests.collector.gates import gate
from tests.collector.grpc_calls import (
    LIMITS,
    ONE_SPAN,
    Export,
    connected,
    export_over,
    refusal,
    streaming,
    trailing_retry,
)
from tests.collector.receivers import Recorder, receiver

from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import Accepted, Malformed, Payload
from coldlight_collector.otlp_grpc import GrpcLimits, serve
from coldlight_storage.signals import Signal


async def test_requests_beyond_the_bound_are_refused_before_their_body() -> None:
    started, release = asyncio.Semaphore(0), asyncio.Event()

    async def slow(signal: Signal, payload: Payload) -> Accepted:
        started.release()
        await release.wait()
        return Accepted()

    async with connected(slow, GrpcLimits(in_flight=2)) as channel:
        calls = [asyncio.ensure_future(export_over(channel)(ONE_SPAN)) for _ in range(2)]
        for _ in calls:
            await started.acquire()
        error = await refusal(streaming(channel)(no_body_yet()))
        release.set()
        assert [await call for call in calls] == [b"", b""]

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert trailing_retry(error).retry_delay.seconds == 1


async def test_one_address_cannot_have_all_places() -> None:
    limits = GrpcLimits(in_flight=2, in_flight_of_one_address=1)
    into = receiver(Recorder())
    server = await serve(into, gate(), "::", 0, limits)
    addresses = [f"{host}:{server.port}" for host in ("127.0.0.1", "[::1]")]
    async with (
        grpc.aio.insecure_channel(addresses[0]) as busy,
        grpc.aio.insecure_channel(addresses[1]) as other,
    ):
        held = asyncio.ensure_future(streaming(busy)(no_body_yet()))
        while not into.tallies["otlp_grpc"].requests:
            await asyncio.sleep(0.01)
        error = await refusal(export_over(busy)(ONE_SPAN))
        assert await export_over(other)(ONE_SPAN) == b""
        held.cancel()
        while not await is_taken(export_over(busy)):
            await asyncio.sleep(0.01)
    await server.stop(0)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "from this address" in error.details()
    assert trailing_retry(error).retry_delay.seconds == 1


async def is_taken(export: Export) -> bool:
    try:
        await export(ONE_SPAN)
    except grpc.RpcError:
        return False
    return True


async def no_body_yet() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_bytes_beyond_the_budget_are_told_to_come_again() -> None:
    budget = Budget(limit=len(ONE_SPAN))
    assert budget.take(1)  # by another receiver
    async with connected(Recorder(), budget=budget) as channel:
        error = await refusal(export_over(channel)(ONE_SPAN))
        budget.give(1)
        assert await export_over(channel)(ONE_SPAN) == b""

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert trailing_retry(error).retry_delay.seconds == 1
    assert budget.held == 0


async def test_a_request_that_does_not_arrive_gives_its_place_back() -> None:
    async with connected(Recorder(), GrpcLimits(in_flight=1, read_timeout_s=0.5)) as channel:
        error = await refusal(streaming(channel)(no_body_yet()))
        assert await export_over(channel)(ONE_SPAN) == b""

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "did not arrive within 0.5 s" in error.details()


async def test_requests_that_arrive_slowly_have_few_places_and_leave_the_others_theirs() -> None:
    async with connected(Recorder(), GrpcLimits(slow=1, patience_s=0.05)) as channel:
        slow = asyncio.ensure_future(streaming(channel)(no_body_yet()))
        await asyncio.sleep(0.2)
        error = await refusal(streaming(channel)(no_body_yet()))
        assert await export_over(channel)(ONE_SPAN) == b""
        assert not slow.done()
        slow.cancel()

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "too many come slowly" in error.details()
    assert trailing_retry(error).retry_delay.seconds == 1


async def test_a_refused_request_is_kept_by_nobody() -> None:
    def kept() -> int:
        return sum(isinstance(found, Malformed) for found in gc.get_objects())

    async with connected(Recorder()) as channel:
        gc.collect()
        gc.disable()  # it would find what should not need to be found
        try:
            before = kept()
            for _ in range(3):
                await refusal(export_over(channel)(b"no request"))
            await asyncio.sleep(0.05)
            assert kept() == before
        finally:
            gc.enable()


async def test_a_request_abandoned_by_its_client_gives_its_place_back() -> None:
    started, gone = asyncio.Event(), asyncio.Event()

    async def stuck_once(signal: Signal, payload: Payload) -> Accepted:
        if not started.is_set():
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
        return Accepted()

    async with connected(stuck_once) as channel:
        export = export_over(channel)
        abandoned = asyncio.ensure_future(export(ONE_SPAN))
        await started.wait()
        abandoned.cancel()
        await gone.wait()
        assert await export(ONE_SPAN) == b""


# The port


async def test_a_second_server_on_the_port_fails_by_name() -> None:
    server = await serve(receiver(Recorder()), gate(), "127.0.0.1", 0, LIMITS)
    with pytest.raises(OSError, match=f"127.0.0.1:{server.port}"):
        await serve(receiver(Recorder()), gate(), "127.0.0.1", server.port, LIMITS)
    await server.stop(0)


async def test_stop_lets_a_request_finish_and_frees_the_port() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(signal: Signal, payload: Payload) -> Accepted:
        started.set()
        await release.wait()
        return Accepted()

    server = await serve(receiver(slow), gate(), "127.0.0.1", 0, LIMITS)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = asyncio.ensure_future(export_over(channel)(ONE_SPAN))
        await started.wait()
        stopping = asyncio.create_task(server.stop(10))
        await asyncio.sleep(0)
        release.set()
        assert await call == b""
        await stopping
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
