"""`/healthz`, `/readyz` and `/metrics` of the collector."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from coldlight_collector.http.messages import Request, Response, Routes
from coldlight_collector.inserter import Inserter
from coldlight_collector.journal import Journal, JournalState
from coldlight_collector.journal.state import Disk, look, together
from coldlight_collector.tenants import Pipeline, Tenants
from coldlight_storage.conditions import Condition, readiness
from coldlight_storage.state.tokens import DEFAULT_TENANT

_NEARLY_FULL = 0.8
_LITTLE_DISK_BYTES = 1 << 30
_NO_DISK_BYTES = 1 << 20
_RECENT_S = 10
"""So long after a failed write nobody needs to try again; then the next request may find out."""
_LATE_S = 60
_CLOCK_TOLERANCE_NS = 10**9


def routes(tenants: Tenants) -> Routes:
    """`/healthz` and `/readyz`. Ready means: what is sent now will be taken, even while ClickHouse is away."""

    async def healthz(_: Request) -> Response:
        return _json(HTTPStatus.OK, {"status": "ok"})

    async def readyz(_: Request) -> Response:
        folders = [pipeline.journal.folder for pipeline in tenants.pipelines.values()]
        disks = await asyncio.to_thread(lambda: list(map(look, folders)))
        status, body = readiness(conditions(tenants, together(disks)))
        return _json(status, body)

    return {"/healthz": {"GET": healthz}, "/readyz": {"GET": readyz}}


def conditions(tenants: Tenants, disk: Disk) -> Iterator[Condition]:
    """Everything that is wrong with a collector. It refuses nobody for what is wrong with one of several tenants."""
    yield from _of_the_pipeline(tenants.default)
    yield from _of_the_disk(tenants.default.journal.state(), disk)
    for tenant, pipeline in tenants.pipelines.items():
        if tenant != DEFAULT_TENANT:
            for condition in _of_the_pipeline(pipeline):
                yield replace(condition, detail=f"tenant {tenant}: {condition.detail}", refuses=False)


def _of_the_pipeline(pipeline: Pipeline) -> Iterator[Condition]:
    state = pipeline.journal.state()
    yield from _of_the_journal(pipeline.journal, state)
    yield from _of_the_inserter(pipeline.inserter, state)


def _of_the_journal(journal: Journal, state: JournalState) -> Iterator[Condition]:
    share = journal.stored_bytes / journal.limit_bytes
    held = f"{journal.stored_bytes:,} of {journal.limit_bytes:,} bytes wait for ClickHouse"
    fix = "see to ClickHouse, or raise --journal-limit"
    if journal.is_full:
        yield Condition("journal_full", f"{held}: senders are told to come again", fix, refuses=True)
    elif share >= _NEARLY_FULL:
        yield Condition("journal_nearly_full", f"{held}; once it is full, senders are refused", fix)
    back_ns = state.last_received_ns - state.now_ns
    if back_ns > _CLOCK_TOLERANCE_NS:
        yield Condition(
            "clock_set_back",
            f"the clock is {back_ns / 10**9:.0f} s behind the last request's receive time",
            "let NTP keep the clock; rows received meanwhile carry the wrong day",
        )


def _of_the_disk(state: JournalState, disk: Disk) -> Iterator[Condition]:
    free = f"{disk.free_bytes:,} bytes are free on the disk of --data"
    fix = "free or repair the disk of --data"
    if disk.free_bytes < _NO_DISK_BYTES:
        yield Condition("disk_full", free, fix, refuses=True)
    elif disk.free_bytes < _LITTLE_DISK_BYTES:
        yield Condition("disk_nearly_full", free, fix)
    if state.failed_at_ns is not None:
        is_recent = state.now_ns - state.failed_at_ns < _RECENT_S * 10**9
        text = f"the last write failed, at {_time(state.failed_at_ns)}: the log says why"
        yield Condition("journal_not_writable", text, fix, refuses=is_recent)
    if disk.quarantined_files:
        text = f"{disk.quarantined_files} files hold requests that ClickHouse refuses"
        fix = "`coldlight journal list` shows them; inspect, then replay or remove them"
        yield Condition("quarantine", text, fix)


def _of_the_inserter(inserter: Inserter, state: JournalState) -> Iterator[Condition]:
    counts = inserter.counts
    if counts.waiting_for:
        text = f"since {_time(counts.waiting_since_ns)}: {counts.waiting_for}"
        yield Condition("clickhouse_unavailable", text, "see to the server of --clickhouse; nothing is lost")
    elif not inserter.is_prepared:
        yield Condition(
            "tables_not_ready", "the tables are being made or upgraded", "wait, or run `coldlight migrate`"
        )
    elif state.age_s > _LATE_S:
        text = f"the oldest request has waited {state.age_s:.0f} s to be visible"
        yield Condition(
            "inserts_late", text, "ClickHouse does not keep up: see coldlight_insert_duration_seconds"
        )


def metrics_route(registry: CollectorRegistry) -> Routes:
    """`/metrics`, in Prometheus' text format or as OpenMetrics, whichever is asked for."""

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(HTTPStatus.OK, encode(registry), content_type)

    return {"/metrics": {"GET": metrics}}


def _time(unix_ns: int) -> str:
    return f"{datetime.fromtimestamp(unix_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(status, orjson.dumps(body), "application/json")
