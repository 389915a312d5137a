-- The same, of all keys that some traces sent or were invoked by, and of the links into them: where the request probably goes on.
-- Not of composite keys, which others may have written all day.
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
WHERE Key IN {trace_keys:Array(String)}
    OR Key IN
    (
        SELECT Key
        FROM link_keys
        WHERE TraceId IN {trace_ids:Array(String)}
            AND Role IN ('produced', 'invoked')
            AND NOT startsWith(Key, 'dynamodb:')
            AND NOT startsWith(Key, 's3obj:')
    )
LIMIT {of_each:UInt32} BY Key, Role
