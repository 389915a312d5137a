-- One row a log record. The columns down to `own` are those of the OpenTelemetry ClickHouse exporter, in its order.
CREATE TABLE IF NOT EXISTS otel_logs
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),

    -- Coldlight's own
    IngestSegment UInt64 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    ReceivedDate Date DEFAULT today() CODEC(Delta, ZSTD(1)),
    ObservedTimestamp DateTime64(9) DEFAULT Timestamp CODEC(Delta(8), ZSTD(1)),
    Flags UInt32 DEFAULT TraceFlags CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    ResourceDroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    ScopeDroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    BodyType LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ResourceAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ScopeAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    LogAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),

    INDEX idx_trace_id TraceId TYPE text(tokenizer = 'array'),
    INDEX idx_body lower(Body) TYPE text(tokenizer = 'splitByNonAlpha'),
    INDEX idx_timestamp Timestamp TYPE minmax,
    INDEX idx_segment IngestSegment TYPE minmax
) ENGINE = MergeTree
PARTITION BY ReceivedDate
ORDER BY (toStartOfFiveMinutes(TimestampTime), ServiceName, Timestamp)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;
