-- Services of a stretch of time, whatever they did.
SELECT DISTINCT
    ${service_map/own} AS own
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64})
