-- All runs of some request ids, in order of their start: `attempt` counts the runs of a request.
SELECT
    row_number() OVER (PARTITION BY request_id ORDER BY start, instance) AS attempt,
    -- one request is one function's, whichever of its runs told so
    max(told_account) OVER (PARTITION BY request_id) AS account,
    max(told_region) OVER (PARTITION BY request_id) AS region,
    toUnixTimestamp64Nano(start) AS start_ns,
    own_span.3 AS trace_id,
    -- a record of the platform may name a segment of its own
    if(own_span.1 < 3, own_span.4, '') AS span_id,
    failure.2 AS error_type,
    failure.3 AS error_message,
    *
FROM (${invocations/runs})
ORDER BY request_id, attempt
