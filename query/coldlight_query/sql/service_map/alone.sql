-- Services of a stretch of time, whatever they did.
SELECT DISTINCT
    if(ResourceAttributes['faas.name'] != '', ('function', ResourceAttributes['faas.name']), ('service', ServiceName)) AS own
FROM otel_traces
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Timestamp < fromUnixTimestamp64Nano({end_ns:Int64})
