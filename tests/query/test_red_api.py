"""Series of RED: every figure is that of the spans themselves."""

import statistics
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import METRICS, Api

from coldlight_storage.testing import Put, clock_ns, span, span_id, trace_id, traces_request

FAILED = Status(code=Status.STATUS_CODE_ERROR)
MINUTE = {"start": "2026-11-23T12:00:00Z", "end": "2026-11-23T12:01:00Z", "step": "1m"}


async def figures(api: Api, measure: str, **parameters: Any) -> dict[tuple[str, ...], list[Any]]:
    """The values of each group over time."""
    series = (await api.metrics(measure=measure, **{**MINUTE, **parameters}))["series"]
    return {tuple(each["labels"].values()): [point["value"] for point in each["points"]] for each in series}


async def test_calls_and_errors_are_counted_by_step(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=1), span(2, at=2, status=FAILED), span(3, at=31)))
    assert await figures(api, "calls", step="20s") == {(): [2, 1, 0]}
    assert await figures(api, "errors", step="20s") == {(): [1, 0, 0]}
    assert await figures(api, "error_ratio", step="20s") == {(): [0.5, 0, None]}
    assert await figures(api, "calls_per_second", step="20s") == {(): [0.1, 0.05, 0]}


async def test_groups_are_what_the_filter_language_names(api: Api, put: Put) -> None:
    version_1, version_2 = {"service.version": "1"}, {"service.version": "2"}
    put(traces_request(span(1, name="GET"), span(2, name="PUT"), resource_attributes=version_1))
    put(traces_request(span(3, name="GET"), span(4, name="GET"), resource_attributes=version_2))
    assert await figures(api, "calls", group_by=["name", 'resource["service.version"]']) == {
        ("GET", "2"): [2],
        ("GET", "1"): [1],
        ("PUT", "1"): [1],
    }


async def test_an_attribute_that_is_not_there_is_an_empty_label(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={"http.route": "/orders"}), span(2), span(3)))
    assert await figures(api, "calls", group_by='attributes["http.route"]') == {("",): [2], ("/orders",): [1]}


async def test_quantiles_are_those_of_all_spans_of_a_step(api: Api, put: Put) -> None:
    """Whatever batches they came in: they are no averages of quantiles."""
    durations = [0.001 * number for number in range(1, 101)]
    put(traces_request(*[span(at, lasts=lasts) for at, lasts in enumerate(durations[:90], 1)]))
    put(traces_request(*[span(at, lasts=lasts) for at, lasts in enumerate(durations[90:], 91)]))
    exact = statistics.quantiles(durations, n=100, method="inclusive")
    for name, at in (("p50", 49), ("p90", 89), ("p95", 94), ("p99", 98)):
        [[value]] = (await figures(api, f"duration_ms_{name}")).values()
        assert value == pytest.approx(exact[at] * 1000, rel=0.02)
    assert await figures(api, "duration_ms_max") == {(): [100]}
    assert await figures(api, "duration_ms_avg") == {(): [pytest.approx(50.5)]}


async def test_a_span_that_was_stored_twice_counts_once(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={"coldlight.partial": True}), span(2)))
    put(traces_request(span(1, status=FAILED), span(2)))
    assert await figures(api, "calls") == {(): [2]}
    assert await figures(api, "errors") == {(): [1]}


async def test_both_sides_of_a_call_with_one_id_count(api: Api, put: Put) -> None:
    put(traces_request(span(1, kind=Span.SPAN_KIND_CLIENT), span(1, kind=Span.SPAN_KIND_SERVER)))
    assert await figures(api, "calls", group_by="kind") == {("client",): [1], ("server",): [1]}


async def test_only_spans_that_match_are_measured(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(2, parent=1, kind=Span.SPAN_KIND_INTERNAL)))
    assert await figures(api, "calls", filter="kind in (server, consumer)") == {(): [1]}


async def test_the_exemplar_of_a_figure_explains_it(api: Api, put: Put) -> None:
    put(traces_request(span(1, lasts=5), span(2, trace=2, lasts=1, status=FAILED)))
    answer = await api.metrics(measure=["duration_ms_p99", "errors"], **MINUTE)
    [slowest], [failed] = [each["points"] for each in answer["series"]]
    assert slowest["exemplar"] == {"trace_id": trace_id(1).hex(), "span_id": span_id(1).hex()}
    assert failed["exemplar"] == {"trace_id": trace_id(2).hex(), "span_id": span_id(2).hex()}


async def test_steps_begin_at_round_times_and_the_last_one_is_whole(api: Api) -> None:
    answer = await api.metrics(start="2026-11-23T12:00:30Z", end="2026-11-23T12:02:30Z", step="1m")
    assert (answer["start_time_unix_nano"], answer["end_time_unix_nano"]) == (clock_ns(0), clock_ns(180))


async def test_without_a_range_it_is_the_last_hour_in_round_steps(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=-1)))
    answer = await api.metrics()
    assert answer["step_ns"] == 30 * 10**9
    [series] = answer["series"]
    assert sum(point["value"] for point in series["points"]) == 1


async def test_of_many_groups_the_busiest_are_told(api: Api, put: Put) -> None:
    put(traces_request(span(1, name="a"), span(2, name="b"), span(3, name="b")))
    answer = await api.metrics(group_by="name", limit=1, **MINUTE)
    assert [series["labels"] for series in answer["series"]] == [{"name": "b"}]
    assert "raise limit" in answer["warnings"][0]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"measure": "speed"}, "measure"),
        ({"group_by": "servce"}, "did you mean service"),
        ({"group_by": 'event["k"]'}, "several values"),
        ({"start": "2026-11-23T13:00:00Z"}, "start"),
        ({"step": "1ns"}, "at most 1500"),
        ({"filter": "trace_duration > 1s"}, "trace_duration"),
    ],
)
async def test_a_mistake_is_named(api: Api, parameters: dict[str, str], named: str) -> None:
    assert named in str(await api.problem(400, METRICS, **{**MINUTE, **parameters}))
