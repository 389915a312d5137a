-- What the index knows of some traces.
SELECT
    TraceId AS trace_id,
    toUnixTimestamp64Nano(min(Start)) AS start_ns,
    toUnixTimestamp64Nano(max(End)) AS end_ns,
    uniqExactMerge(Spans) AS span_count,
    uniqExactMerge(Errors) AS error_count,
    min(Root) AS root
FROM trace_index
WHERE TraceId IN {trace_ids:Array(String)}
GROUP BY TraceId
