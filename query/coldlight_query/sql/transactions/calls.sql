-- Calls of AWS APIs in some traces.
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    SpanKind AS kind,
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
${cost/call_price}
FROM (${cost/aws_calls})
