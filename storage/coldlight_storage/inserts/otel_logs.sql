SELECT
    fromUnixTimestamp64Nano(toInt64(if(record.time_unix_nano = 0, record.observed_time_unix_nano, record.time_unix_nano))) AS Timestamp,
    lower(hex(record.trace_id)) AS TraceId,
    lower(hex(record.span_id)) AS SpanId,
    toUInt8(bitAnd(record.flags, 255)) AS TraceFlags,
    record.severity_text AS SeverityText,
    toUInt8(record.severity_number) AS SeverityNumber,
    ResourceAttributes['service.name'] AS ServiceName,
    $value(record.body) AS Body,
    ResourceSchemaUrl AS ResourceSchemaUrl,
    ResourceAttributes AS ResourceAttributes,
    ScopeSchemaUrl AS ScopeSchemaUrl,
    ScopeName AS ScopeName,
    ScopeVersion AS ScopeVersion,
    ScopeAttributes AS ScopeAttributes,
    $map(record.attributes) AS LogAttributes,
    record.event_name AS EventName,
    $ingest_segment AS IngestSegment,
    $received_date AS ReceivedDate,
    fromUnixTimestamp64Nano(toInt64(record.observed_time_unix_nano)) AS ObservedTimestamp,
    record.flags AS Flags,
    record.dropped_attributes_count AS DroppedAttributesCount,
    ResourceDroppedAttributesCount AS ResourceDroppedAttributesCount,
    ScopeDroppedAttributesCount AS ScopeDroppedAttributesCount,
    $value_type(record.body) AS BodyType,
    ResourceAttributeTypes AS ResourceAttributeTypes,
    ScopeAttributeTypes AS ScopeAttributeTypes,
    $types(record.attributes) AS LogAttributeTypes
FROM
(
    SELECT
        arrayJoin(scope_logs.log_records) AS record,
        scope_logs.schema_url AS ScopeSchemaUrl,
        $scope(scope_logs.scope),
        ResourceSchemaUrl,
        ResourceAttributes,
        ResourceAttributeTypes,
        ResourceDroppedAttributesCount
    FROM
    (
        SELECT
            arrayJoin(resource_logs.scope_logs) AS scope_logs,
            resource_logs.schema_url AS ResourceSchemaUrl,
            $resource(resource_logs.resource)
        FROM (SELECT arrayJoin(resource_logs) AS resource_logs FROM $source)
    )
)
