-- The last spans of an issue, one a trace.
SELECT last.2 AS trace_id, last.3 AS span_id, toUnixTimestamp64Nano(last.1) AS time_ns, last.4 AS message, last.5 AS version
FROM
(
    SELECT DISTINCT Last AS last
    FROM issues
    WHERE Fingerprint = {fingerprint:String}
)
ORDER BY time_ns DESC
LIMIT 1 BY trace_id
LIMIT 10
