-- One slice of a search: of the traces that match, those that start in [start, before), newest first.
-- In the last slice, those that start earlier count, too. Only ids and starts: most of them are not on the page.
SELECT
    TraceId AS trace_id,
    toUnixTimestamp64Nano(Start) AS start_ns
FROM
(
    SELECT
        TraceId,
        min(Start) AS Start,
        max(End) AS End
    FROM trace_index
    WHERE TraceId IN ($matching)
    GROUP BY TraceId
)
WHERE (start_ns, trace_id) < ({before_ns:Int64}, {before_trace_id:String})
    AND ({last:Bool} OR start_ns >= {start_ns:Int64})
    AND ($trace_condition)
ORDER BY start_ns DESC, trace_id DESC
LIMIT {limit:UInt32}
