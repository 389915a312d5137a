"""A run is told of by many, late, in any order and more than once: what is known in the end is the same."""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import strategies as st
from tests.examples import examples
from tests.query.invocations.facts import ACCOUNT, ARN, FAILED, REGION, platform, report, run_span, sandbox

from coldlight_query.invocations.run import Run
from coldlight_query.invocations.runs import read_runs
from coldlight_storage import EmbeddedStore
from coldlight_storage.testing import TODAY, Put

LINE: dict[str, Any] = {"where": {**sandbox(), "cloud.region": ""}, "source": "log"}
NOBODYS: dict[str, Any] = {"faas.name": "orders"}
"""A reporter that knows neither sandbox nor account."""


def facts(request_id: str) -> list[Message]:
    """An asynchronous invocation that timed out in one sandbox, failed there a minute later, and did well in another."""
    second = sandbox(2)
    failed: dict[str, Any] = {"status": FAILED, "attributes": {"error.type": "KeyError"}}
    return [
        platform("init_report", -0.5, init_type="on-demand", init_duration_ms=400.0),
        run_span(
            request_id, 0, 3, attributes={"aws.lambda.invoked_arn": f"{ARN}:live", "faas.coldstart": True}
        ),
        platform("start", 0, request_id),
        platform("runtime_done", 3, request_id, duration_ms=3000.0, status="timeout"),
        report(
            request_id,
            3.1,
            duration_ms=3000.0,
            billed_duration_ms=3400,
            init_duration_ms=400.0,
            status="timeout",
        ),
        report(request_id, 3.1, duration_ms=3000.0, billed_duration_ms=3400, init_duration_ms=400.0, **LINE),
        platform("fault", 3.1, request_id, duration_ms=3000.0, status="timeout", **LINE),
        run_span(request_id, 63.9, 20, number=2, where=NOBODYS, **failed),
        platform("start", 63.9, request_id),
        report(request_id, 84, duration_ms=20_050.0, billed_duration_ms=20_050, status="error"),
        platform("start", 204, request_id, where=second, source="log"),
        report(request_id, 205, where=second, source="log"),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


NUMBERS = itertools.count(700_000_000)


def known(store: EmbeddedStore, request_id: str) -> list[Run]:
    return list(read_runs(store, [request_id]))


def test_three_attempts_are_three_runs(embedded_store: EmbeddedStore, folder: Path) -> None:
    put = Put(embedded_store, folder, NUMBERS)
    for fact in facts("r"):
        put(fact)
    first, second, third = known(embedded_store, "r")
    assert [run.attempt for run in (first, second, third)] == [1, 2, 3]
    assert (first.status, second.status, third.status) == ("timeout", "error", "success")
    assert (first.duration_ms, second.duration_ms, third.duration_ms) == (3000.0, 20_050.0, 1000.0)
    assert (first.cold_start, first.init_ms, first.alias) == (True, 400.0, "live")
    assert (second.error_type, second.error_message) == ("KeyError", "no such order")
    assert (third.trace_id, third.sources) == (None, ("log",))
    assert {(run.account, run.region, run.function) for run in (first, second, third)} == {
        (ACCOUNT, REGION, "orders")
    }


def test_the_order_and_the_number_of_times_do_not_matter(embedded_store: EmbeddedStore, folder: Path) -> None:
    """Of many invocations together: an INSERT costs more than what is in it."""
    put = Put(embedded_store, folder, NUMBERS)
    _put_all(put, facts("in order"), TODAY)
    request_ids = [str(seed) for seed in examples(st.integers(0, 2**32), 12)]
    for (_, received), told in sorted(_deliveries(request_ids).items()):
        _put_all(put, told, received)
    for _ in range(2):
        expected = _anonymous(embedded_store, "in order")
        assert len(expected) == 3
        for request_id in request_ids:
            assert _anonymous(embedded_store, request_id) == expected, request_id
        embedded_store.command("OPTIMIZE TABLE invocations FINAL")


def _deliveries(request_ids: Sequence[str]) -> dict[tuple[int, date], list[Message]]:
    """The facts of each in an order of its own, some twice, in up to three parts, by the day on which a part is received."""
    deliveries: dict[tuple[int, date], list[Message]] = defaultdict(list)
    for request_id in request_ids:
        dice = Random(request_id)
        told = facts(request_id)
        told += dice.sample(told, dice.randrange(len(told)))
        dice.shuffle(told)
        parts = dice.randint(1, 3)
        for part in range(parts):
            deliveries[part, TODAY + timedelta(days=dice.randrange(2))] += told[part::parts]
    return deliveries


def _put_all(put: Put, told: list[Message], received: date) -> None:
    for kind in {type(fact) for fact in told}:
        put(*(fact for fact in told if type(fact) is kind), received=received)


def _anonymous(store: EmbeddedStore, request_id: str) -> list[dict[str, object]]:
    return [{**vars(run), "request_id": ""} for run in known(store, request_id)]
