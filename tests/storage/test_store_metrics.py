"""Every field of every kind of metric is stored, in the exporter's columns and our own."""

from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from coldlight_storage import Row, Store
from coldlight_storage.testing import Put, attributes, clock_ns, metrics_request, span_id, trace_id

Buckets = ExponentialHistogramDataPoint.Buckets
Quantile = SummaryDataPoint.ValueAtQuantile
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
BEYOND_DOUBLE = 2**53 + 1

POINT: dict[str, Any] = {
    "attributes": attributes({"http.route": "/orders"}),
    "start_time_unix_nano": clock_ns(1),
    "time_unix_nano": clock_ns(2),
    "flags": 1,
}
EXEMPLARS = [
    Exemplar(
        time_unix_nano=clock_ns(3),
        as_double=0.5,
        trace_id=trace_id(3),
        span_id=span_id(7),
        filtered_attributes=attributes({"user": "u"}),
    ),
    Exemplar(as_int=BEYOND_DOUBLE),
]
STORED_POINT = {
    "Attributes": {"http.route": "/orders"},
    "StartTimeUnix": clock_ns(1),
    "TimeUnix": clock_ns(2),
    "Flags": 1,
}
STORED_EXEMPLARS = {
    "Exemplars.FilteredAttributes": [{"user": "u"}, {}],
    "Exemplars.TimeUnix": [clock_ns(3), 0],
    "Exemplars.Value": [0.5, float(BEYOND_DOUBLE)],
    "Exemplars.SpanId": ["0000000000000007", ""],
    "Exemplars.TraceId": ["00000000000000000000000000000003", ""],
    "ExemplarIntValues": [[], [BEYOND_DOUBLE]],
}
STORED_METRIC = {
    "MetricName": "requests",
    "MetricDescription": "how many",
    "MetricUnit": "{request}",
    "MetricMetadata": {"prometheus.type": "gauge"},
    "ServiceName": "orders",
    "ResourceAttributes": {"service.name": "orders"},
    "ResourceSchemaUrl": "https://opentelemetry.io/schemas/1.9.0",
    "ResourceDroppedAttributesCount": 10,
    "ScopeName": "meter",
    "ScopeVersion": "1.2",
    "ScopeAttributes": {"e": "f"},
    "ScopeDroppedAttrCount": 11,
    "ScopeSchemaUrl": "https://opentelemetry.io/schemas/1.8.0",
}


GAUGE = NumberDataPoint(as_double=0.25, exemplars=EXEMPLARS, **POINT)
SUM = NumberDataPoint(as_int=BEYOND_DOUBLE, exemplars=EXEMPLARS, **POINT)
HISTOGRAM = HistogramDataPoint(
    count=2**64 - 1,
    sum=12.5,
    min=0.5,
    max=9.0,
    bucket_counts=[1, 2, 2**64 - 4],
    explicit_bounds=[0.1, 5.0],
    exemplars=EXEMPLARS,
    **POINT,
)
EXPONENTIAL_HISTOGRAM = ExponentialHistogramDataPoint(
    count=9,
    sum=-3.5,
    min=-4.0,
    max=2.0,
    scale=-3,
    zero_count=2,
    zero_threshold=0.001,
    positive=Buckets(offset=-5, bucket_counts=[1, 2**64 - 1]),
    negative=Buckets(offset=4, bucket_counts=[3]),
    exemplars=EXEMPLARS,
    **POINT,
)
SUMMARY = SummaryDataPoint(
    count=4,
    sum=12.5,
    quantile_values=[Quantile(quantile=0.5, value=1.5), Quantile(quantile=1.0, value=9.0)],
    **POINT,
)
DATA: dict[str, Any] = {
    "gauge": Gauge(data_points=[GAUGE]),
    "sum": Sum(data_points=[SUM], aggregation_temporality=DELTA, is_monotonic=True),
    "histogram": Histogram(data_points=[HISTOGRAM], aggregation_temporality=DELTA),
    "exponential_histogram": ExponentialHistogram(
        data_points=[EXPONENTIAL_HISTOGRAM], aggregation_temporality=DELTA
    ),
    "summary": Summary(data_points=[SUMMARY]),
}
PRESENT = {"HasSum": True, "HasMin": True, "HasMax": True}
STORED_DATA: dict[str, Row] = {
    "gauge": STORED_EXEMPLARS | {"Value": 0.25, "ValueType": 4, "IntValue": 0},
    "sum": STORED_EXEMPLARS
    | {
        "Value": float(BEYOND_DOUBLE),
        "ValueType": 6,
        "IntValue": BEYOND_DOUBLE,
        "AggTemp": 1,
        "IsMonotonic": True,
    },
    "histogram": STORED_EXEMPLARS
    | PRESENT
    | {
        "Count": 2**64 - 1,
        "Sum": 12.5,
        "Min": 0.5,
        "Max": 9.0,
        "BucketCounts": [1, 2, 2**64 - 4],
        "ExplicitBounds": [0.1, 5.0],
        "AggregationTemporality": 1,
    },
    "exponential_histogram": STORED_EXEMPLARS
    | PRESENT
    | {
        "Count": 9,
        "Sum": -3.5,
        "Min": -4.0,
        "Max": 2.0,
        "Scale": -3,
        "ZeroCount": 2,
        "ZeroThreshold": 0.001,
        "PositiveOffset": -5,
        "PositiveBucketCounts": [1, 2**64 - 1],
        "NegativeOffset": 4,
        "NegativeBucketCounts": [3],
        "AggregationTemporality": 1,
    },
    "summary": {
        "Count": 4,
        "Sum": 12.5,
        "ValueAtQuantiles.Quantile": [0.5, 1.0],
        "ValueAtQuantiles.Value": [1.5, 9.0],
    },
}


def test_every_field_of_every_kind_is_stored(store: Store, put: Put) -> None:
    put(full_request(*[full_metric(**{kind: data}) for kind, data in DATA.items()]))
    for kind, own in STORED_DATA.items():
        stored = STORED_METRIC | STORED_POINT | own
        assert select(store, f"otel_metrics_{kind}", *stored) == [stored]


def full_metric(**data: Any) -> Metric:
    """A metric with all that any metric has, and this data."""
    metadata = attributes({"prometheus.type": "gauge"})
    return Metric(name="requests", description="how many", unit="{request}", metadata=metadata, **data)


def full_request(*metrics: Metric) -> ExportMetricsServiceRequest:
    request = metrics_request(*metrics)
    group = request.resource_metrics[0]
    group.schema_url = "https://opentelemetry.io/schemas/1.9.0"
    group.resource.dropped_attributes_count = 10
    group.scope_metrics[0].schema_url = "https://opentelemetry.io/schemas/1.8.0"
    group.scope_metrics[0].scope.CopyFrom(
        InstrumentationScope(
            name="meter", version="1.2", attributes=attributes({"e": "f"}), dropped_attributes_count=11
        )
    )
    return request


def test_what_is_absent_is_told_from_zero(store: Store, put: Put) -> None:
    zero: dict[str, Any] = {"sum": 0.0, "min": 0.0, "max": 0.0}
    histogram = Histogram(data_points=[HistogramDataPoint(), HistogramDataPoint(**zero)])
    points = [ExponentialHistogramDataPoint(), ExponentialHistogramDataPoint(**zero)]
    put(
        metrics_request(
            Metric(histogram=histogram),
            Metric(exponential_histogram=ExponentialHistogram(data_points=points)),
        )
    )
    for kind in ("histogram", "exponential_histogram"):
        rows = store.select(f"SELECT Sum, HasSum, HasMin, HasMax FROM otel_metrics_{kind} ORDER BY HasSum")
        assert rows == [{"Sum": 0.0, "HasSum": has, "HasMin": has, "HasMax": has} for has in (False, True)]


def test_a_point_without_a_value_is_told_from_zero(store: Store, put: Put) -> None:
    """`FLAG_NO_RECORDED_VALUE` comes without a value (OTLP metrics data model, "Data Point Flags")."""
    absent, zero = NumberDataPoint(flags=1), NumberDataPoint(as_double=0)
    put(metrics_request(Metric(gauge=Gauge(data_points=[absent, zero]))))
    rows = store.select("SELECT ValueType FROM otel_metrics_gauge ORDER BY ValueType")
    assert [row["ValueType"] for row in rows] == [0, 4]


def test_one_request_may_hold_metrics_of_every_kind_and_again_they_add_nothing(
    store: Store, put: Put
) -> None:
    made = put(
        metrics_request(
            Metric(gauge=Gauge(data_points=[NumberDataPoint(), NumberDataPoint()])),
            Metric(sum=Sum(data_points=[NumberDataPoint()])),
            Metric(histogram=Histogram(data_points=[HistogramDataPoint()])),
            Metric(exponential_histogram=ExponentialHistogram(data_points=[ExponentialHistogramDataPoint()])),
            Metric(summary=Summary(data_points=[SummaryDataPoint()])),
            Metric(name="without data"),
        )
    )
    assert rows_by_table(store) == [2, 1, 1, 1, 1]
    store.insert(made)
    assert rows_by_table(store) == [2, 1, 1, 1, 1]


EXTREME: dict[str, Any] = {"start_time_unix_nano": 2**64 - 1, "time_unix_nano": 2**63, "flags": 2**32 - 1}


def test_no_claim_of_a_sender_makes_a_batch_fail(store: Store, put: Put) -> None:
    wide = {"scale": -(2**31), "zero_count": 2**64 - 1, "positive": Buckets(offset=2**31 - 1)}
    put(
        metrics_request(
            Metric(gauge=Gauge(data_points=[NumberDataPoint(as_int=-(2**63), **EXTREME)])),
            Metric(
                sum=Sum(
                    data_points=[NumberDataPoint(as_double=float("nan"), **EXTREME)],
                    aggregation_temporality=-1,  # type: ignore[arg-type]
                )
            ),
            Metric(histogram=Histogram(data_points=[HistogramDataPoint(sum=float("inf"), **EXTREME)])),
            Metric(
                exponential_histogram=ExponentialHistogram(
                    data_points=[ExponentialHistogramDataPoint(**wide, **EXTREME)]  # type: ignore[arg-type]
                )
            ),
            Metric(summary=Summary(data_points=[SummaryDataPoint(count=2**64 - 1, **EXTREME)])),
        )
    )
    assert rows_by_table(store) == [1] * 5


TABLES = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]
TIMES = {"StartTimeUnix", "TimeUnix"}


def rows_by_table(store: Store) -> list[int]:
    return [store.select(f"SELECT count() AS n FROM otel_metrics_{table}")[0]["n"] for table in TABLES]


def select(store: Store, table: str, *columns: str) -> list[Row]:
    return store.select(f"SELECT {', '.join(map(shown, columns))} FROM {table}")


def shown(column: str) -> str:
    if column in TIMES:
        return f"toUnixTimestamp64Nano({column}) AS {column}"
    if column == "Exemplars.TimeUnix":
        return f"arrayMap(t -> toUnixTimestamp64Nano(t), `{column}`) AS `{column}`"
    return f"`{column}`"
