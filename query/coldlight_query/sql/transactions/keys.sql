-- Who produced and who consumed some link keys, in the order of time; of a span that came twice, one row.
SELECT key, role, trace_id, span_id, kind, time_ns, account, region
FROM
(
    SELECT
        Key AS key,
        Role AS role,
        TraceId AS trace_id,
        SpanId AS span_id,
        lower(SpanKind) AS kind,
        toUnixTimestamp64Nano(Timestamp) AS time_ns,
        Account AS account,
        Region AS region
    FROM link_keys
    WHERE Key IN {keys:Array(String)}
        AND Timestamp >= fromUnixTimestamp64Nano({after_ns:Int64})
        AND Timestamp <= fromUnixTimestamp64Nano({before_ns:Int64})
    ORDER BY key, role, time_ns, trace_id, span_id, kind
    LIMIT 1 BY key, role, trace_id, span_id, kind
)
-- an item of a table may have been written a million times; one more than is asked for tells that there are more
ORDER BY key, role, time_ns, trace_id, span_id, kind
LIMIT {of_each:UInt32} BY key, role
