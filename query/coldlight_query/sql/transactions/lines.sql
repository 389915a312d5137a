-- Log lines of some spans, of each span the last ones before a moment.
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    toUnixTimestamp64Nano(Timestamp) AS time_ns,
    SeverityText AS severity,
    Body AS body
FROM otel_logs
WHERE TraceId IN {trace_ids:Array(String)}
    AND SpanId IN {span_ids:Array(String)}
    AND NOT startsWith(EventName, 'aws.lambda.')
ORDER BY trace_id, span_id, Timestamp DESC, body
LIMIT {of_each:UInt32} BY trace_id, span_id
