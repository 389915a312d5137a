-- The columns down to `own` are those of the OpenTelemetry ClickHouse exporter, in its order.
CREATE TABLE IF NOT EXISTS otel_metrics_gauge
(
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ResourceSchemaUrl String CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeDroppedAttrCount UInt32 CODEC(ZSTD(1)),
    ScopeSchemaUrl String CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    MetricName String CODEC(ZSTD(1)),
    MetricDescription String CODEC(ZSTD(1)),
    MetricUnit String CODEC(ZSTD(1)),
    Attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    StartTimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)),
    TimeUnix DateTime64(9) CODEC(Delta, ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Exemplars Nested (
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime64(9),
        Value Float64,
        SpanId String,
        TraceId String
    ) CODEC(ZSTD(1)),

    -- Coldlight's own
    IngestSegment UInt64 DEFAULT 0 CODEC(Delta, ZSTD(1)),
    ReceivedDate Date DEFAULT today() CODEC(Delta, ZSTD(1)),
    MetricMetadata Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    MetricMetadataTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ResourceDroppedAttributesCount UInt32 DEFAULT 0 CODEC(ZSTD(1)),
    ResourceAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    ScopeAttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    AttributeTypes LowCardinality(String) DEFAULT '' CODEC(ZSTD(1)),
    -- how the value was sent: 4 as_double, 6 as_int, 0 not at all (field numbers of NumberDataPoint)
    ValueType Int8 DEFAULT 4 CODEC(ZSTD(1)),
    IntValue Int64 DEFAULT 0 CODEC(ZSTD(1)),
    ExemplarAttributeTypes Array(LowCardinality(String)) DEFAULT [] CODEC(ZSTD(1)),
    ExemplarIntValues Array(Array(Int64)) DEFAULT [] CODEC(ZSTD(1)),

    INDEX idx_segment IngestSegment TYPE minmax,
    INDEX idx_time TimeUnix TYPE minmax
) ENGINE = MergeTree
PARTITION BY ReceivedDate
ORDER BY (ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;
