"""Pages of found traces neither repeat nor skip one, however far back they go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.conftest import empty_tables
from tests.query.api import Api, open_api

from coldlight_storage import Store
from coldlight_storage.testing import Put, clock_ns, span, traces_request


async def test_a_page_holds_twenty_unless_told(api: Api, put: Put) -> None:
    put(traces_request(*[span(1, trace=number, at=number) for number in range(1, 31)]))
    assert await api.found() == list(range(30, 10, -1))
    assert await api.found(limit=2) == [30, 29]
    assert await api.found(limit=1000) == list(range(30, 0, -1))


async def test_a_search_goes_back_as_far_as_it_must(api: Api, put: Put) -> None:
    """From the future through the last minute, hour and days to 1970."""
    seconds = [3600, 0, -59, -60, -61, -3600, -3601, -3 * 86400, -3 * 86400 - 1, -400 * 86400]
    put(traces_request(*[span(1, trace=number, at=at) for number, at in enumerate(seconds, 1)]))
    oldest = span(1, trace=11)
    oldest.start_time_unix_nano = oldest.end_time_unix_nano = 0
    put(traces_request(oldest))
    assert await api.found() == list(range(1, 12))
    assert await api.found(service="orders") == list(range(1, 12))
    assert await api.found(service="orders", start=str(clock_ns(-3601))) == list(range(1, 8))


async def pages(
    api: Api, limit: int, conditions: Mapping[str, str], between: Callable[[], object] = lambda: None
) -> list[int]:
    """The numbers of the traces on all pages; `between` is called after each but the last."""
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.traces(limit=limit, **conditions, **cursor)
        assert len(page["traces"]) == limit or page["next_cursor"] is None
        found += [int(trace["trace_id"], 16) for trace in page["traces"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}
        between()


async def test_a_long_trace_is_found_by_a_late_span(api: Api, put: Put) -> None:
    """Also from a page on which everything else is much older than that span."""
    put(
        traces_request(span(1, trace=1, at=-7200), span(1, trace=2, at=-5400)),
        traces_request(span(2, trace=1, at=-60), span(2, trace=2, at=-120), span(1, trace=3), service="late"),
    )
    assert await pages(api, 1, {"service": "late"}) == [3, 2, 1]


async def test_the_last_page_has_no_cursor(api: Api, put: Put) -> None:
    put(traces_request(*[span(1, trace=number, at=number) for number in (1, 2, 3)]))
    for limit in (1, 2, 3):
        assert await pages(api, limit, {}) == [3, 2, 1]


async def test_what_is_newer_does_not_disturb_the_pages(api: Api, put: Put) -> None:
    put(traces_request(*[span(1, trace=number, at=number) for number in range(1, 6)]))
    newer = iter(range(10, 20))

    def arrive() -> None:
        number = next(newer)
        put(
            traces_request(
                span(1, trace=number, at=number), span(2, trace=3, at=number), span(2, trace=4, at=number)
            )
        )

    assert await pages(api, 2, {}, arrive) == [5, 4, 3, 2, 1]
    assert await pages(api, 2, {"service": "orders"}, arrive) == [11, 10, 5, 4, 3, 2, 1]


DAY = 86_400
# Around the edges of the slices of time that a search reads, in the far past, and in the future.
OFFSETS = st.sampled_from(
    [-60, -61, -59.5, 0, -3600, -3601, -3 * DAY, -3 * DAY - 1, -90 * DAY, -20 * 365 * DAY, 7200]
)
STARTS = st.builds(lambda offset, more: offset + more, OFFSETS, st.sampled_from([0, 0, 0, 5, 30, 70]))
SERVICES = st.sampled_from(["orders", "payments"])
SPANS = st.builds(
    lambda trace, number, at, lasts: span(number, trace=trace, at=at, lasts=lasts),
    st.integers(1, 12),
    st.integers(1, 4),
    STARTS,
    st.sampled_from([0, 1, 100, 2 * DAY]),
)
CONDITIONS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        "service": SERVICES,
        "start": STARTS.map(lambda at: str(clock_ns(at))),
        "end": STARTS.map(lambda at: str(clock_ns(at))),
        "min_trace_duration": st.sampled_from(["1s", "100s", "864000s"]),
    },
)


@dataclass(frozen=True)
class Known:
    """All spans of a test, with their services. The plain way to search them."""

    spans: list[tuple[Span, str]]

    def search(
        self, service: str = "", start: str = "0", end: str = str(2**63), min_trace_duration: str = "0s"
    ) -> list[int]:
        starts: dict[bytes, int] = {}
        ends: dict[bytes, int] = {}
        matching = set()
        for each, of in self.spans:
            trace, at = each.trace_id, each.start_time_unix_nano
            starts[trace] = min(at, starts.get(trace, at))
            ends[trace] = max(each.end_time_unix_nano, ends.get(trace, 0))
            if of == (service or of) and int(start) <= at <= int(end):
                matching.add(trace)
        least_ns = int(min_trace_duration.removesuffix("s")) * 10**9
        long = [trace for trace in matching if ends[trace] - starts[trace] >= least_ns]
        newest_first = sorted(long, key=lambda trace: (starts[trace], trace), reverse=True)
        return [int.from_bytes(trace) for trace in newest_first]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=4)
@given(
    sent=st.lists(st.tuples(SPANS, SERVICES), min_size=10, max_size=40),
    searches=st.lists(st.tuples(CONDITIONS, st.integers(1, 7)), min_size=6, max_size=6),
)
async def test_pages_put_together_are_the_whole_search(
    store: Store, put: Put, sent: list[tuple[Span, str]], searches: list[tuple[dict[str, str], int]]
) -> None:
    empty_tables(store)
    put(*[traces_request(each, service=service) for each, service in sent])
    async with open_api(store) as api:
        for conditions, limit in searches:
            assert await pages(api, limit, conditions) == Known(sent).search(**conditions)
