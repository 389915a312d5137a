-- The log records of one trace, in the order of their time.
SELECT
${logs/columns}
FROM otel_logs
WHERE TraceId = {trace_id:String}
    AND (time_ns, tie) > ({after_ns:Int64}, {after_tie:String})
ORDER BY time_ns, tie
-- records alike to the last byte stay on one page
LIMIT {limit:UInt32} WITH TIES
