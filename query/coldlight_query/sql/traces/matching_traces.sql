-- What may stand in traces/search.sql for traces/matching_spans.sql when any span will do, the first of a trace, too.
SELECT TraceId
FROM trace_index
WHERE Start >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND Start <= fromUnixTimestamp64Nano(least({end_ns:Int64}, {before_ns:Int64}))
