-- Rows of the span table, those of them that are different spans, its bytes, and the bytes of every table of the
-- database. Active parts only: the others are gone minutes later.
SELECT
    (SELECT count() FROM otel_traces) AS rows,
    (SELECT uniqExact(TraceId, SpanId) FROM otel_traces) AS spans,
    sumIf(bytes_on_disk, table = 'otel_traces') AS span_bytes,
    sum(bytes_on_disk) AS all_bytes
FROM system.parts
WHERE active AND database = currentDatabase()
