-- The spans of a stretch of time through which services meet: each identity once, its latest complete row.
-- `own` is who made it, `beyond` what it speaks of outside of itself: the resource that it calls, or that set it off.
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    SpanKind IN ('Client', 'Producer') AS is_call,
    SpanKind = 'Consumer' AS is_consumer,
    argMax(
        (
            ParentSpanId,
            ${service_map/own},
            ${service_map/beyond},
            toUnixTimestamp64Nano(Timestamp),
            Duration,
            StatusCode = 'Error',
            SpanAttributes['coldlight.link.consumed'],
            ${service_map/size}
        ),
        (SpanAttributes['coldlight.partial'] != 'true', IngestSegment)
    ) AS span,
    span.1 AS parent_span_id,
    span.2 AS own,
    span.3 AS beyond,
    span.4 AS start_ns,
    span.5 AS duration_ns,
    span.6 AS failed,
    span.7 AS consumed,
    span.8 AS size
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64})
    AND SpanKind IN ('Client', 'Producer', 'Server', 'Consumer')
GROUP BY TraceId, SpanId, SpanKind
