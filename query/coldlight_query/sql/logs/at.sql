-- The record at a place, and the stream that it is of: what one sandbox or process wrote.
SELECT
${logs/columns},
    ${logs/stream} AS stream
FROM otel_logs
WHERE Timestamp = fromUnixTimestamp64Nano({time_ns:Int64})
    AND tie = {tie:String}
LIMIT 1
