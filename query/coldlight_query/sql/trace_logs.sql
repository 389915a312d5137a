-- The log records of one trace, in the order of their time.
SELECT
    toUnixTimestamp64Nano(Timestamp) AS time_ns,
    toUnixTimestamp64Nano(ObservedTimestamp) AS observed_ns,
    TraceId AS trace_id,
    SpanId AS span_id,
    Flags AS flags,
    SeverityNumber AS severity_number,
    SeverityText AS severity_text,
    EventName AS event_name,
    ServiceName AS service,
    Body AS body_text,
    BodyType AS body_type,
    DroppedAttributesCount AS dropped_attributes_count,
    mapKeys(LogAttributes) AS attribute_keys,
    mapValues(LogAttributes) AS attribute_texts,
    LogAttributeTypes AS attribute_types,
    mapKeys(ResourceAttributes) AS resource_keys,
    mapValues(ResourceAttributes) AS resource_texts,
    ResourceAttributeTypes AS resource_types,
    ResourceSchemaUrl AS resource_schema_url,
    ResourceDroppedAttributesCount AS resource_dropped_attributes_count,
    ScopeName AS scope_name,
    ScopeVersion AS scope_version,
    ScopeSchemaUrl AS scope_schema_url,
    ScopeDroppedAttributesCount AS scope_dropped_attributes_count,
    mapKeys(ScopeAttributes) AS scope_keys,
    mapValues(ScopeAttributes) AS scope_texts,
    ScopeAttributeTypes AS scope_types,
    hex(cityHash64(IngestSegment, SpanId, SeverityNumber, Body, mapValues(LogAttributes))) AS tie
FROM otel_logs
WHERE TraceId = {trace_id:String}
    AND (time_ns, tie) > ({after_ns:Int64}, {after_tie:String})
ORDER BY time_ns, tie
-- records alike to the last byte stay on one page
LIMIT {limit:UInt32} WITH TIES
