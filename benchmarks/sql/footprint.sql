-- Rows of a signal's table, those of them that are different items, its bytes, and the bytes of every table of the
-- database. Active parts only: the others are gone minutes later. Every log record sent here has a span id of its own.
SELECT
    (SELECT count() FROM {table:Identifier}) AS rows,
    (SELECT uniqExact(TraceId, SpanId) FROM {table:Identifier}) AS items,
    sumIf(bytes_on_disk, table = {table:String}) AS table_bytes,
    sum(bytes_on_disk) AS all_bytes
FROM system.parts
WHERE active AND database = currentDatabase()
