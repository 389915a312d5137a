-- What a resource says, every row of it repeats: a dictionary holds each value once, and a row its numbers. To whoever reads
-- or writes the column it is the exporter's Map(LowCardinality(String), String); a row takes a tenth of the memory in the
-- INSERT and in merges, and an eighth less of the disk (ADR 15).
ALTER TABLE otel_traces
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
ALTER TABLE otel_logs
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
ALTER TABLE otel_metrics_gauge
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
ALTER TABLE otel_metrics_sum
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
ALTER TABLE otel_metrics_histogram
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
ALTER TABLE otel_metrics_exponential_histogram
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
ALTER TABLE otel_metrics_summary
    MODIFY COLUMN ResourceAttributes Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(1));
