-- RED of the spans that match, one row for each group and step that has any; groups with the most calls come first.
-- A span that was stored twice counts once: its latest complete row.
SELECT
    *,
    sum(calls) OVER (PARTITION BY labels) AS calls_of_group
FROM
(
    SELECT
        intDiv(start_ns - {first_ns:Int64}, {step_ns:Int64}) AS step,
        span.1 AS labels,
        count() AS calls,
        countIf(span.3 = 'Error') AS errors,
        avg(span.2) AS avg,
        quantilesTDigest(0.5, 0.9, 0.95, 0.99)(span.2) AS quantiles,
        quantiles[1] AS p50,
        quantiles[2] AS p90,
        quantiles[3] AS p95,
        quantiles[4] AS p99,
        max(span.2) AS max,
        argMax((TraceId, SpanId), span.2) AS slowest,
        argMaxIf((TraceId, SpanId), start_ns, span.3 = 'Error') AS failed
    FROM
    (
        SELECT
            TraceId,
            SpanId,
            argMax(
                ([$labels]::Array(String), Duration, StatusCode, toUnixTimestamp64Nano(Timestamp)),
                (SpanAttributes['coldlight.partial'] != 'true', IngestSegment)
            ) AS span,
            span.4 AS start_ns
        FROM otel_traces
        WHERE Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64})
            AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64})
            AND $condition
        GROUP BY TraceId, SpanId, SpanKind
    )
    GROUP BY step, labels
)
ORDER BY calls_of_group DESC, labels, step
LIMIT {rows:UInt32}
