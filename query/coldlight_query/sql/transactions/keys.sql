-- Who produced and who consumed some link keys. One more of each than is followed tells that there are more: an item of a
-- table may have been written a million times.
SELECT
    Key AS key,
    Role AS role,
    TraceId AS trace_id,
    SpanId AS span_id,
    SpanKind AS kind,
    toUnixTimestamp64Nano(Timestamp) AS time_ns,
    Account AS account,
    Region AS region
FROM link_keys
WHERE Key IN {keys:Array(String)}
    AND Timestamp >= fromUnixTimestamp64Nano({after_ns:Int64})
    AND Timestamp <= fromUnixTimestamp64Nano({before_ns:Int64})
LIMIT {of_each:UInt32} BY Key, Role
