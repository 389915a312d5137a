-- The records of a stream next to a place, on one side of it, the nearest first.
SELECT
${logs/columns}
FROM otel_logs
WHERE ServiceName = {service:String}
    AND ${logs/stream} = {stream:String}
    AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64})
    AND (time_ns, tie) $beyond ({time_ns:Int64}, {tie:String})
ORDER BY time_ns $direction, tie $direction
LIMIT {limit:UInt32}
