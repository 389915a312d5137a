-- Who made spans in a stretch of time, also if alone: what it was asked to do, and how that went.
SELECT
    own,
    count() AS calls,
    countIf(failed) AS errors,
    quantilesTDigest(0.5, 0.95, 0.99)(duration_ns) AS durations_ns
FROM (${service_map/participants})
WHERE NOT is_call
    -- a message that an invocation works on is a part of it
    AND (trace_id, parent_span_id, own) NOT IN (SELECT trace_id, span_id, own FROM (${service_map/participants}) WHERE NOT is_call)
GROUP BY own
