"""The client, over HTTP, as a notebook uses it."""

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from prometheus_client import CollectorRegistry
from tests.query.api import stores_of

from coldlight_query.app import create_app
from coldlight_query.client import Client, Refused
from coldlight_query.server import serve
from coldlight_storage import EmbeddedStore
from coldlight_storage.state import open_state
from coldlight_storage.testing import (
    NOON,
    Put,
    clock_ns,
    log_record,
    logs_request,
    span,
    span_id,
    tokens_known,
    trace_id,
    traces_request,
)

TOKEN = "open sesame"


@pytest.fixture
def store(embedded_store: EmbeddedStore) -> EmbeddedStore:
    """One form is enough: the client sees answers."""
    return embedded_store


@pytest.fixture
async def client(store: EmbeddedStore, tmp_path: Path) -> AsyncIterator[Client]:
    with closing(open_state(None, tmp_path)) as state:
        access = tokens_known(shared=TOKEN)
        app = create_app(stores_of(store), state, access, CollectorRegistry(), "1.2.3", clock_ns)
        server = await serve(app, "127.0.0.1", 0)
        yield Client(f"http://127.0.0.1:{server.port}", token=TOKEN, max_rows=1000)
        await server.stop()


async def frame(ask: Callable[..., pd.DataFrame], *ids: str, **parameters: Any) -> pd.DataFrame:
    """Beside the event loop, on which the query service runs."""
    return await asyncio.to_thread(ask, *ids, **parameters)


async def test_times_have_a_zone_and_durations_their_unit(client: Client, put: Put) -> None:
    put(traces_request(span(1, lasts=0.25), span(2, trace=2, name="slow", at=1)))
    traces = await frame(client.traces, filter='name != "slow"')
    assert traces["trace_id"].tolist() == [trace_id(1).hex()]
    assert traces["start_time"].tolist() == [pd.Timestamp(NOON)]
    assert (pd.to_timedelta(traces["duration_ns"], unit="ns") == pd.Timedelta("250ms")).all()
    assert traces["error_count"].sum() == 0


async def test_one_trace_is_a_frame_of_its_spans(client: Client, put: Put) -> None:
    put(traces_request(span(1), span(2, parent=1, at=0.5)))
    put(logs_request(log_record("hello", trace=1, span=2)))
    spans = await frame(client.trace, trace_id(1).hex())
    assert spans["span_id"].tolist() == [span_id(1).hex(), span_id(2).hex()]
    assert spans["parent_span_id"].isna().tolist() == [True, False]
    assert spans.attrs["span_count"] == 2
    logs = await frame(client.trace_logs, trace_id(1).hex())
    around = await frame(client.log_context, logs["id"][0])
    assert logs["body"].tolist() == around["body"].tolist() == ["hello"]


async def test_one_transaction_is_frames_of_its_parts(client: Client, put: Put) -> None:
    sent = {"coldlight.link.produced": ["sqs:1"]}
    received = {"coldlight.link.consumed": ["sqs:1"], "faas.invocation_id": "7"}
    put(
        traces_request(span(1, kind=Span.SPAN_KIND_PRODUCER, attributes=sent)),
        traces_request(span(2, trace=2, at=3, attributes=received), service="bill"),
    )
    [hop] = (await frame(client.transaction_hops, trace_id(1).hex())).to_dict("records")
    assert hop["transaction_id"] == f"{trace_id(1).hex()}:{span_id(1).hex()}"
    assert (hop["rule"], hop["consumer.trace_id"], hop["queue_wait_ms"]) == ("sqs", trace_id(2).hex(), 2000)
    assert (await frame(client.transaction_invocations, "7"))["request_id"].tolist() == ["7"]
    assert len(await frame(client.transaction_timeline, trace_id(1).hex())) == 2
    assert (await frame(client.transactions))["hop_count"].tolist() == [1]
    assert (await frame(client.invocation, "7"))["attempt"].tolist() == [1]


async def test_a_figure_over_time_is_ready_to_be_drawn(client: Client, put: Put) -> None:
    """The example of docs/notebooks.md."""
    of_checkout = {"faas.name": "checkout"}
    put(traces_request(span(1, lasts=0.5), span(2, at=301, lasts=1.5), resource_attributes=of_checkout))
    found = await frame(
        client.metrics,
        measure=["duration_ms_p95"],
        group_by=['resource["faas.name"]'],
        filter='exists resource["faas.name"] and kind in (server, consumer)',
        start="2026-11-23T12:00:00Z",
        end="2026-11-23T12:15:00Z",
        step="5m",
    )
    p95 = found.pivot(index="time", columns='labels.resource["faas.name"]', values="value")
    assert p95["checkout"].tolist()[:2] == pytest.approx([500, 1500])
    assert p95["checkout"].isna().tolist() == [False, False, True]


async def test_pages_are_followed_up_to_a_limit_that_is_told(client: Client, put: Put) -> None:
    put(logs_request(*[log_record(f"line {number}", at=-number) for number in range(1002)]))
    with pytest.warns(UserWarning, match="more rows than these 1000"):
        first = await frame(client.logs)
    rest = await frame(client.logs, cursor=first.attrs["next_cursor"])
    assert [*first["body"], *rest["body"]] == [f"line {number}" for number in range(1002)]
    client_of_more = Client(client.url, TOKEN, max_rows=2000)
    assert len(await frame(client_of_more.logs)) == 1002
    assert len(await frame(client.logs, limit=2)) == 2  # without a warning: that many were wanted


async def test_a_mistake_is_told_with_its_place(client: Client) -> None:
    with pytest.raises(Refused, match="did you mean service") as refused:
        await frame(client.traces, filter='servce = "orders"')
    assert (refused.value.status, refused.value.parameter) == (400, "filter")
    assert refused.value.problem["position"] == 0
    with pytest.raises(Refused, match="404 Unknown trace"):
        await frame(client.trace, trace_id(9).hex())


async def test_a_token_that_is_not_known_is_refused(client: Client) -> None:
    with pytest.raises(Refused, match="Authorization"):
        await frame(Client(client.url).traces)


async def test_every_route_gives_a_frame(client: Client, put: Put) -> None:
    attributes = {"faas.invocation_id": "7", "exception.type": "KeyError", "exception.message": "k"}
    failed = span(1, attributes=attributes, status=Status(code=Status.STATUS_CODE_ERROR))
    put(traces_request(failed, resource_attributes={"faas.name": "f"}))
    put(logs_request(log_record(trace=1)))
    issues = await frame(client.issues, start="2026-11-23T11:00:00Z", end="2026-11-23T13:00:00Z")
    [log_id] = (await frame(client.logs))["id"]
    ids = {
        "trace": trace_id(1).hex(),
        "log": log_id,
        "cost": "2026-11",
        "issue": [*issues["id"], "0" * 32][0],
    }
    asked = {name: ask for name, ask in vars(client).items() if callable(ask)}
    for name, ask in asked.items():
        takes_id = "known_id" in inspect.signature(ask).parameters
        known = ids.get(name.partition("_")[0], "f" if "function" in name or name == "invocations" else "7")
        assert isinstance(await frame(ask, *([known] if takes_id else [])), pd.DataFrame), name


def test_a_service_that_is_not_there_is_named() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="does not answer"):
            Client(f"http://127.0.0.1:{taken.getsockname()[1]}").traces()


def test_notebooks_know_the_parameters_of_a_route() -> None:
    signature = inspect.signature(Client().traces)
    assert {"filter", "start", "end", "min_duration"} < set(signature.parameters)
    assert "format" not in signature.parameters  # which is the client's affair
    assert "min_duration: Of a span" in (Client().traces.__doc__ or "")
