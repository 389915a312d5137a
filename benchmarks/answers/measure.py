"""Asks a query service in this process, one question after another, and reads what ClickHouse did for it."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import httpx
from prometheus_client import CollectorRegistry

from benchmarks.answers.questions import Question, questions
from benchmarks.answers.stored import END_NS, Stored
from benchmarks.bench import Turn, take_turns
from benchmarks.processes import forget_peak_memory, peak_memory_mb
from coldlight_query.app import create_app
from coldlight_storage import Stores
from coldlight_storage.state import open_state
from coldlight_storage.testing import tokens_known

_WARM_UP = 3
_LOGGED = (Path(__file__).parents[1] / "sql" / "answers" / "logged.sql").read_text()


@dataclass(frozen=True)
class Answered:
    """One question, asked again and again by one client. `*_each` are means over its answers; CPU is of the whole process."""

    spans: int
    question: str
    aim_ms: float
    answers: int
    p50_ms: float
    p95_ms: float
    cpu_ms_each: float
    queries_each: float
    rows_read_each: float
    query_memory_mb: float
    """Of the ClickHouse query that took most."""
    process_memory_mb: float
    """The most that the whole process held, engine included."""


def measure(stored: Stored, count: int, only: str) -> list[Answered]:
    """Every question whose name has `only` in it; one that is not answered rightly is shown, and left out."""
    chosen = [each for each in questions(stored.client, stored.spans, count + _WARM_UP) if only in each.name]
    return take_turns([Turn(each.name, partial(asyncio.run, _ask(stored, each))) for each in chosen])


@asynccontextmanager
async def _service(stored: Stored) -> AsyncIterator[httpx.AsyncClient]:
    """The query service at the end of the week."""
    with TemporaryDirectory() as folder, closing(open_state(None, Path(folder))) as state:
        stores = Stores(stored.store, lambda _store: None)
        app = create_app(stores, state, tokens_known(), CollectorRegistry(), "bench", lambda: END_NS)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://coldlight", timeout=60) as client:
            yield client


async def _ask(stored: Stored, question: Question) -> Answered:
    """Raises LookupError for an answer that is not right."""
    async with _service(stored) as client:
        for path in question.paths[:_WARM_UP]:
            await _milliseconds(client, path, question)
        paths = question.paths[_WARM_UP:]
        stored.client.command("SYSTEM FLUSH LOGS")
        stored.client.command("TRUNCATE TABLE system.query_log")
        forget_peak_memory(os.getpid())
        began_s = time.process_time()
        found_ms = [await _milliseconds(client, path, question) for path in paths]
        cpu_s = time.process_time() - began_s
    stored.client.command("SYSTEM FLUSH LOGS")
    [(queries, rows, memory)] = stored.client.query(_LOGGED).result_rows
    cuts = quantiles(found_ms, n=20, method="inclusive")
    return Answered(
        spans=stored.spans,
        question=question.name,
        aim_ms=question.aim_ms,
        answers=len(paths),
        p50_ms=cuts[9],
        p95_ms=cuts[18],
        cpu_ms_each=cpu_s * 1000 / len(paths),
        queries_each=queries / len(paths),
        rows_read_each=rows / len(paths),
        query_memory_mb=memory / 1e6,
        process_memory_mb=peak_memory_mb(os.getpid()),
    )


async def _milliseconds(client: httpx.AsyncClient, path: str, question: Question) -> float:
    """To the whole answer. Raises LookupError for another one than was asked for."""
    began_s = time.monotonic()
    answer = await client.get(path)
    elapsed_ms = (time.monotonic() - began_s) * 1000
    if answer.status_code != 200 or not question.is_right(json.loads(answer.content)):
        raise LookupError(f"{question.name}: {path} answers {answer.status_code} {answer.text[:300]}")
    return elapsed_ms
