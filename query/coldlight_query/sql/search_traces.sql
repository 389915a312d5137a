-- One window of a search: traces that start in [window, before) and have a span that matches, newest first.
-- A trace that starts earlier belongs to a later window; in the last window it counts, too.
-- Of spans later than `before`, only those of such traces are looked at.
WITH
    fromUnixTimestamp64Nano({window_ns:Int64}) AS window,
    fromUnixTimestamp64Nano({before_ns:Int64}) AS before,
    fromUnixTimestamp64Nano({end_ns:Int64}) AS end
SELECT
    TraceId AS trace_id,
    toUnixTimestamp64Nano(Start) AS start_ns,
    toUnixTimestamp64Nano(End) AS end_ns,
    SpanCount AS span_count,
    ErrorCount AS error_count,
    FirstSpan AS root
FROM
(
    SELECT
        TraceId,
        min(Start) AS Start,
        max(End) AS End,
        uniqExactMerge(Spans) AS SpanCount,
        uniqExactMerge(Errors) AS ErrorCount,
        min(Root) AS FirstSpan
    FROM trace_index
    WHERE TraceId IN
    (
        SELECT TraceId
        FROM otel_traces
        WHERE Timestamp >= window
            AND Timestamp <= end
            AND TraceId != ''
            AND (
                Timestamp <= before
                OR TraceId IN (SELECT TraceId FROM trace_index WHERE Start <= before AND ({last:UInt8} OR Start >= window))
            )
            AND ($condition)
    )
    GROUP BY TraceId
)
WHERE (start_ns, trace_id) < ({before_ns:Int64}, {before_trace_id:String})
    AND ({last:UInt8} OR start_ns >= {window_ns:Int64})
    AND ($trace_condition)
ORDER BY start_ns DESC, trace_id DESC
LIMIT {limit:UInt32}
