-- One row a span. The columns down to `own` are those of the OpenTelemetry ClickHouse exporter, in its order.
CREATE TABLE IF NOT EXISTS otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),

    -- Coldlight's own: each with a default, so that the exporter's INSERT goes on working
    IngestSegment UInt64 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    ReceivedDate Date DEFAULT today() CODEC(Delta, ZSTD(1)),
    Flags UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    DroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    DroppedEventsCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    DroppedLinksCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    EventDroppedAttributesCounts Array(UInt32) DEFAULT [] CODEC(ZSTD(1)),
    LinkDroppedAttributesCounts Array(UInt32) DEFAULT [] CODEC(ZSTD(1)),
    LinkFlags Array(UInt32) DEFAULT [] CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ResourceDroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    ResourceAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ScopeAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    SpanAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    EventAttributeTypes Array(LowCardinality(String)) DEFAULT [] CODEC(ZSTD(1)),
    LinkAttributeTypes Array(LowCardinality(String)) DEFAULT [] CODEC(ZSTD(1)),

    INDEX idx_trace_id TraceId TYPE text(tokenizer = 'array'),
    INDEX idx_timestamp Timestamp TYPE minmax,
    INDEX idx_duration Duration TYPE minmax,
    INDEX idx_segment IngestSegment TYPE minmax
) ENGINE = MergeTree
PARTITION BY ReceivedDate
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;
