"""What is asked: the questions for which there are aims, each with fresh arguments every time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from urllib.parse import urlencode

from clickhouse_connect.driver.client import Client

from benchmarks.answers.chain import HOPS, ROOT_NAME, ROOT_SERVICE, SPANS
from benchmarks.answers.stored import END_NS, HUGE_SPANS, WEEK_NS

_DAY_NS = WEEK_NS // 7
_ORDERS = 100_000
_TRACES = "SELECT TraceId FROM trace_index WHERE sipHash64(TraceId) % {{every:UInt32}} = 0 GROUP BY TraceId HAVING uniqExactMerge(Spans) {spans} LIMIT {{count:UInt32}}"
_ROOTS = "SELECT TraceId || ':' || SpanId FROM otel_traces WHERE ServiceName = {service:String} AND SpanName = {name:String} AND sipHash64(TraceId) % {every:UInt32} = 0 LIMIT {count:UInt32}"


@dataclass(frozen=True)
class Question:
    """Paths of the API. `is_right` is given an answer: whether it found what was asked for."""

    name: str
    aim_ms: float
    """For the 95th percentile, with 100 million spans on 2 cores (issue 5)."""
    paths: tuple[str, ...]
    is_right: Callable[[dict[str, object]], bool]


def questions(client: Client, spans: int, count: int) -> Iterator[Question]:
    """Each with `count` paths."""
    random = Random(spans)
    every = max(1, spans // 12 // (4 * count))
    traces = _column(client, _TRACES.format(spans="= 12"), count, every=every)
    roots = _column(client, _ROOTS, count, service=ROOT_SERVICE, name=ROOT_NAME, every=max(1, every // 40))
    [huge] = _column(client, _TRACES.format(spans=f">= {HUGE_SPANS}"), 1, every=1)
    whole = [f"traces/{trace_id}" for trace_id in traces]
    orders = [f"order-{random.randrange(_ORDERS):05}" for _ in range(count)]
    services = [_service(random) for _ in range(count)]
    yield _question("one trace, whole", 30, whole, _has_spans(12))
    yield _question(
        "100,000 spans, first 1,000", 300, [f"traces/{huge}?limit=1000"] * count, _has_spans(1000)
    )
    yield _question(
        "service and attribute, 7 days: common",
        200,
        [_search(service, "http.response.status_code=201") for service in services],
        lambda answer: len(_list(answer, "traces")) == 20,
    )
    yield _question(
        "service and attribute, 7 days: one of 100,000 values",
        200,
        [_search(service, f"shop.order.id={order}") for service, order in zip(services, orders, strict=True)],
        lambda answer: "traces" in answer,
    )
    yield _question(
        f"transaction, {SPANS} spans, {HOPS} hops",
        100,
        [f"transactions/{root}" for root in roots],
        lambda answer: _is_chain(_list(answer, "transactions")),
    )
    yield _question("service map, 24 h", 300, [f"service-map?{_range(_DAY_NS)}"] * count, _has("nodes"))
    yield _question("functions, 24 h", 300, [f"functions?{_range(_DAY_NS)}"] * count, _has("functions"))
    yield _question(
        "log lines with a rare word, 7 days",
        300,
        [f"logs?{_range(WEEK_NS)}&{urlencode({'query': order})}" for order in orders],
        lambda answer: "logs" in answer,
    )
    yield _question(
        "log lines with two words, 7 days",
        300,
        [f"logs?{_range(WEEK_NS)}&{urlencode({'query': 'issuer declined'})}"] * count,
        _has("logs"),
    )


def _question(
    name: str, aim_ms: float, paths: list[str], is_right: Callable[[dict[str, object]], bool]
) -> Question:
    return Question(name, aim_ms, tuple(f"/api/v1/{path}" for path in paths), is_right)


def _column(client: Client, sql: str, count: int, **parameters: object) -> list[str]:
    """The first column; as often again as it takes where there are fewer rows. Raises LookupError without any."""
    rows = client.query(sql, parameters={"count": count, **parameters}).result_rows
    if not rows:
        raise LookupError(f"nothing to ask for: {sql}")
    return [rows[place % len(rows)][0] for place in range(count)]


def _service(random: Random) -> str:
    number = random.randrange(40)
    return f"shop-{('orders', 'prices', 'payments', 'audit')[number % 4]}-{number:02}"


def _search(service: str, attribute: str) -> str:
    return f"traces?{urlencode({'service': service, 'attribute': attribute})}&{_range(WEEK_NS)}"


def _range(length_ns: int) -> str:
    return f"start={END_NS - length_ns}&end={END_NS}"


def _list(answer: dict[str, object], name: str) -> list[dict[str, object]]:
    found = answer.get(name)
    return found if isinstance(found, list) else []


def _has(name: str) -> Callable[[dict[str, object]], bool]:
    return lambda answer: bool(_list(answer, name))


def _has_spans(count: int) -> Callable[[dict[str, object]], bool]:
    return lambda answer: len(_list(answer, "spans")) == count


def _is_chain(found: list[dict[str, object]]) -> bool:
    return (
        len(found) == 1 and len(_list(found[0], "timeline")) == SPANS and len(_list(found[0], "hops")) == HOPS
    )
