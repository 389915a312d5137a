-- The traces of the spans that meet a condition, for traces/search.sql.
SELECT TraceId
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64})
    AND $condition
