-- When the last of the traces that start in [start, before] ends: later spans belong to others. 0 without such traces.
-- Of very many traces that is not worth knowing: then it is the end of time.
SELECT if(uniqExact(TraceId) > 100000, 9223372036854775807, toUnixTimestamp64Nano(max(End))) AS last_end_ns
FROM trace_index
WHERE TraceId IN
(
    SELECT DISTINCT TraceId
    FROM trace_index
    WHERE Start <= fromUnixTimestamp64Nano({before_ns:Int64})
        AND ({last:Bool} OR Start >= fromUnixTimestamp64Nano({start_ns:Int64}))
    LIMIT 100001
)
