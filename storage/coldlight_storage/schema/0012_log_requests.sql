-- The invocation that a log record is of: what joins it where there is no trace. A column, for a map is read whole.
ALTER TABLE otel_logs ADD COLUMN IF NOT EXISTS RequestId String MATERIALIZED LogAttributes['faas.invocation_id'] CODEC(ZSTD(1));
ALTER TABLE otel_logs ADD INDEX IF NOT EXISTS idx_request RequestId TYPE text(tokenizer = 'array');
