-- One row a trace and day of receipt, kept by aggregates that a repeated, late or reordered span cannot change.
-- Read it with GROUP BY TraceId: parts that are not merged yet, and other days, hold further rows of a trace.
CREATE TABLE IF NOT EXISTS trace_index
(
    TraceId String CODEC(ZSTD(1)),
    ReceivedDate Date CODEC(Delta, ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime64(9)) CODEC(Delta(8), ZSTD(1)),
    End SimpleAggregateFunction(max, DateTime64(9)) CODEC(Delta(8), ZSTD(1)),
    -- span identities (span id and kind), hashed: counting them is right however often a span arrives
    Spans AggregateFunction(uniqExact, UInt64) CODEC(NONE),
    Errors AggregateFunction(uniqExact, UInt64) CODEC(NONE),
    -- the first of the spans, those without a parent before all others: (has parent, start, span id, service, name, status)
    Root SimpleAggregateFunction(min, Tuple(Bool, DateTime64(9), String, String, String, String)) CODEC(ZSTD(1))
) ENGINE = AggregatingMergeTree
PARTITION BY ReceivedDate
ORDER BY TraceId
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_index_view TO trace_index AS
SELECT
    TraceId,
    ReceivedDate,
    min(Timestamp) AS Start,
    -- a sender may claim any times: beyond what DateTime64 holds (the year 2262) an end is cut off, not an error
    max(fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(Timestamp)) + Duration, 9223372036854775807)))) AS End,
    uniqExactState(sipHash64(SpanId, SpanKind)) AS Spans,
    uniqExactStateIf(sipHash64(SpanId, SpanKind), StatusCode = 'Error') AS Errors,
    min((ParentSpanId != '', Timestamp, SpanId, toString(ServiceName), toString(SpanName), toString(StatusCode))) AS Root
FROM otel_traces
WHERE TraceId != ''
GROUP BY TraceId, ReceivedDate;

-- The name under which Grafana's ClickHouse plugin and others look up when a trace took place.
CREATE VIEW IF NOT EXISTS otel_traces_trace_id_ts AS
SELECT TraceId, min(Start) AS Start, max(End) AS End FROM trace_index GROUP BY TraceId;
