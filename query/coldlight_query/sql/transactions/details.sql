-- What the frames of a virtual stack trace show of their spans beside what stitching knows.
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    lower(SpanKind) AS kind,
    SpanAttributes['coldlight.payload.request'] AS payload,
    arrayLast((attributes, name) -> name = 'exception', `Events.Attributes`, `Events.Name`) AS exception
FROM
(
    SELECT *
    FROM otel_traces
    WHERE
    ${traces/of_traces}
        AND SpanId IN {span_ids:Array(String)}
    ORDER BY SpanAttributes['coldlight.partial'] = 'true', IngestSegment DESC, Timestamp
    LIMIT 1 BY TraceId, SpanId, SpanKind
)
