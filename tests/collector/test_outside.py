"""What a collector shows of itself: `/metrics`, `/readyz`, heartbeats."""

import os
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry
from tests.collector.inserting import Fickle, until
from tests.collector.watching import PROTOBUF, watched

from coldlight_collector.health import conditions
from coldlight_collector.intake import Payload
from coldlight_collector.journal.state import look
from coldlight_query.app import create_app
from coldlight_storage import EmbeddedStore, Signal, Stores, StoreUnavailable
from coldlight_storage.heartbeats import collectors_seen, watermark_ns
from coldlight_storage.migrations import migrate
from coldlight_storage.state import open_state
from coldlight_storage.testing import span, tokens_known, traces_request

ROOT = Path(__file__).parents[2]
AWAY = StoreUnavailable("connection refused")


async def test_what_comes_is_counted_by_receiver_and_by_what_became_of_it(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    async with watched(tmp_path, embedded_store, linger_s=0) as at:
        assert await at.send() == 200
        assert await at.send() == 200  # again, as a sender that lost the answer does
        bad_ids = traces_request(span(3, trace=1), span(4, trace=0)).SerializeToString()
        await at.client.post("/v1/traces", content=bad_ids, headers=PROTOBUF)
        await at.client.post("/v1/traces", content=b"\xff", headers=PROTOBUF)
        await at.client.post("/v1/traces", content=b"x", headers={"Content-Type": "text/plain"})
        await at.client.post("/v1/no-such-path")
        await at.client.get("/v1/traces")
        await at.client.post(
            "/api/v2/spans", content=b"no JSON", headers={"Content-Type": "application/json"}
        )
        await at.client.post("/aws/firehose", content=b"{}")
        await until(lambda: at.journal.state().oldest_unseen_ns is None)
        shown = await at.metrics()
    assert {name: value for name, value in shown.items() if value and "refused_requests" in name} == {
        "coldlight_refused_requests_total{reason=malformed,receiver=otlp_http}": 1,
        "coldlight_refused_requests_total{reason=unsupported,receiver=otlp_http}": 1,
        "coldlight_refused_requests_total{reason=malformed,receiver=zipkin}": 1,
        "coldlight_refused_requests_total{reason=malformed,receiver=firehose}": 1,
        "coldlight_refused_requests_total{reason=unknown_path,receiver=none}": 1,
        "coldlight_refused_requests_total{reason=wrong_method,receiver=none}": 1,
    }
    traces = "{receiver=otlp_http,signal=traces}"
    assert shown["coldlight_received_requests_total{receiver=otlp_http}"] == 5
    assert shown[f"coldlight_accepted_requests_total{traces}"] == 3
    assert shown[f"coldlight_accepted_items_total{traces}"] == 3
    assert shown["coldlight_rejected_items_total{reason=invalid_id,receiver=otlp_http,signal=traces}"] == 1
    assert shown["coldlight_repeated_requests_total"] == 1
    assert shown["coldlight_inserted_items_total"] == 2
    assert shown["coldlight_connections{port=http}"] == 1
    assert shown["coldlight_insert_duration_seconds_count{signal=traces}"] >= 1
    assert shown["coldlight_visible_delay_seconds_count{signal=traces}"] >= 1
    assert shown["coldlight_journal_age_seconds"] == 0


async def test_while_clickhouse_is_away_the_collector_serves_and_says_so(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    store = Fickle(embedded_store, insert_failures=[AWAY] * 1000)
    async with watched(tmp_path, store, batch_items=1) as at:
        await until(lambda: at.inserter.is_prepared)
        assert await at.ready() == (200, "ready", [])
        assert await at.send() == 200
        await until(lambda: bool(at.inserter.counts.waiting_for))
        assert await at.ready() == (200, "degraded", ["clickhouse_unavailable"])
        state, shown = at.journal.state(), await at.metrics()
        assert shown["coldlight_clickhouse_waiting"] == 1
        assert shown["coldlight_watermark_lag_seconds"] >= shown["coldlight_journal_age_seconds"] > 0
        assert state.oldest_unseen_ns == state.watermark_ns + 1

        store.insert_failures.clear()
        await until(lambda: at.journal.state().oldest_unseen_ns is None)
        assert await at.ready() == (200, "ready", [])


async def test_a_full_journal_takes_nothing_and_says_why(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    store = Fickle(embedded_store, insert_failures=[AWAY] * 1000)
    async with watched(tmp_path, store, batch_items=1, total_bytes=150) as at:
        assert [await at.send(number) for number in (1, 2)] == [200, 503]
        status, word, wrong = await at.ready()
        assert (status, word, wrong[0]) == (503, "unavailable", "journal_full")
        refused = "coldlight_refused_requests_total{reason=unavailable,receiver=otlp_http}"
        assert (await at.metrics())[refused] == 1
        store.insert_failures.clear()


async def test_a_journal_without_room_for_an_ordinary_request_is_full(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    store = Fickle(embedded_store, insert_failures=[AWAY] * 1000)
    async with watched(tmp_path, store, batch_items=1, total_bytes=100_000) as at:
        await at.journal.append(Signal.TRACES, Payload(b"x" * 99_900, 1))
        assert at.journal.stored_bytes < at.journal.limit_bytes
        assert await at.send() == 503
        status, _, wrong = await at.ready()
        assert (status, wrong[0]) == (503, "journal_full")
        store.insert_failures.clear()


async def test_what_fails_here_is_logged_counted_once_and_to_be_sent_again(
    tmp_path: Path,
    embedded_store: EmbeddedStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with watched(tmp_path, embedded_store) as at:

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as broken:
            broken.setattr("coldlight_collector.otlp_http.validate", fail)
            assert await at.send() == 503
        shown = await at.metrics()
        assert await at.send() == 200
    assert "POST /v1/traces failed" in caplog.text
    received = {name: value for name, value in shown.items() if "received_requests" in name and value}
    assert received == {"coldlight_received_requests_total{receiver=none}": 1}
    assert shown["coldlight_refused_requests_total{reason=unavailable,receiver=none}"] == 1


async def test_what_clickhouse_refuses_is_shown_and_holds_nothing_back(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    async with watched(tmp_path, embedded_store, batch_items=1) as at:
        (tmp_path / "traces" / "00000000000001.rejected").write_bytes(b"what ClickHouse refuses")
        assert await at.send() == 200
        await until(lambda: at.journal.state().oldest_unseen_ns is None)
        assert await at.ready() == (200, "degraded", ["quarantine"])
        shown = await at.metrics()
        assert (shown["coldlight_quarantine_files"], shown["coldlight_quarantine_bytes"]) == (1, 23)


async def test_what_clickhouse_refuses_is_counted_and_not_quoted(
    tmp_path: Path, embedded_store: EmbeddedStore, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, embedded_store, batch_items=1) as at:
        await at.journal.append(Signal.TRACES, Payload(b"\xff\xff s3cret", 7))
        await until(lambda: at.inserter.counts.batches > 0)
        shown = await at.metrics()
    assert (shown["coldlight_quarantined_requests_total"], shown["coldlight_quarantined_items_total"]) == (
        1,
        7,
    )
    assert shown["coldlight_quarantine_files"] == 1
    assert "requests are kept in" in caplog.text
    assert "ClickHouse error" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_disk_that_fails_is_named_until_it_works(
    tmp_path: Path, embedded_store: EmbeddedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watched(tmp_path, embedded_store) as at:
        await until(lambda: at.inserter.is_prepared)

        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", fail)
            assert await at.send() == 503
        assert await at.ready() == (503, "unavailable", ["journal_not_writable"])
        assert await at.send() == 200
        assert await at.ready() == (200, "ready", [])


async def test_a_disk_that_is_nearly_full_is_named(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    async with watched(tmp_path, embedded_store) as at:
        await until(lambda: at.inserter.is_prepared)
        disk = look(tmp_path)

        def wrong(free_bytes: int) -> list[tuple[str, bool]]:
            found = conditions(at.collector.tenants, replace(disk, free_bytes=free_bytes))
            return [(condition.what, condition.refuses) for condition in found]

        assert wrong(1 << 40) == []
        assert wrong(1 << 29) == [("disk_nearly_full", False)]
        assert wrong(1 << 19) == [("disk_full", True)]


async def test_a_heartbeat_tells_the_watermark_and_the_last_one_says_good_bye(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    async with watched(tmp_path, embedded_store, linger_s=0) as at:
        await until(lambda: bool(collectors_seen(embedded_store)))
        assert await at.send() == 200
        await until(lambda: at.journal.state().oldest_unseen_ns is None)
        visible_ns = at.journal.state().watermark_ns
        await at.inserter.heart.beat()
        assert (watermark_ns(collectors_seen(embedded_store)) or 0) >= visible_ns
    [seen] = collectors_seen(embedded_store)
    assert seen.last.is_stopped
    assert not seen.last.journal_bytes


@pytest.fixture
async def shown(tmp_path: Path, embedded_store: EmbeddedStore) -> set[str]:
    """The names of all samples of a collector and a query service that have both been at work."""
    async with watched(tmp_path, embedded_store, linger_s=0) as at:
        assert await at.send() == 200
        await until(lambda: at.inserter.counts.batches > 0)
        await until(lambda: bool(collectors_seen(embedded_store)))
        stores, state = Stores(embedded_store, migrate), open_state(None, tmp_path)
        app = create_app(stores, state, tokens_known(), CollectorRegistry(), "1.2.3")
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://coldlight") as query:
            assert (await query.get("/api/v1/traces")).status_code == 200
            found = re.findall(r"^(coldlight_\w+)", (await query.get("/metrics")).text, re.MULTILINE)
        return {*found, *(name.partition("{")[0] for name in await at.metrics())}


async def test_the_alert_rules_speak_of_metrics_that_there_are(shown: set[str]) -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "coldlight.rules.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert all(alert["annotations"]["summary"] and alert["annotations"]["fix"] for alert in alerts)
    named = {name for alert in alerts for name in re.findall(r"coldlight_\w+", alert["expr"])}
    assert len(named) >= 10
    assert named <= shown


async def test_every_metric_is_explained(shown: set[str]) -> None:
    explained = (ROOT / "docs" / "operating.md").read_text()
    families = {re.sub(r"_(total|count|sum|bucket|created)$", "", name) for name in shown}
    ours = {name for name in families if name.startswith("coldlight_")}
    assert {name for name in ours if f"`{name}" not in explained} == set()
