-- One slice of a search: the records that match, in [start, end] and before a place, newest first.
SELECT
${logs/columns}
FROM otel_logs
WHERE Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64})
    AND (time_ns, tie) < ({before_ns:Int64}, {before_tie:String})
    AND $condition
ORDER BY time_ns DESC, tie DESC
-- records alike to the last byte stay on one page
LIMIT {limit:UInt32} WITH TIES
