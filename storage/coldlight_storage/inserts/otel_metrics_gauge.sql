SELECT
    ResourceAttributes AS ResourceAttributes,
    ResourceSchemaUrl AS ResourceSchemaUrl,
    ScopeName AS ScopeName,
    ScopeVersion AS ScopeVersion,
    ScopeAttributes AS ScopeAttributes,
    ScopeDroppedAttributesCount AS ScopeDroppedAttrCount,
    ScopeSchemaUrl AS ScopeSchemaUrl,
    ResourceAttributes['service.name'] AS ServiceName,
    MetricName AS MetricName,
    MetricDescription AS MetricDescription,
    MetricUnit AS MetricUnit,
    $map(point.attributes) AS Attributes,
    fromUnixTimestamp64Nano(toInt64(point.start_time_unix_nano)) AS StartTimeUnix,
    fromUnixTimestamp64Nano(toInt64(point.time_unix_nano)) AS TimeUnix,
    if(point.value = 'as_int', toFloat64(point.as_int), point.as_double) AS Value,
    point.flags AS Flags,
    arrayMap(e -> $map(e.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano)), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> if(e.value = 'as_int', toFloat64(e.as_int), e.as_double), point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS `Exemplars.TraceId`,
    $ingest_segment AS IngestSegment,
    $received_date AS ReceivedDate,
    MetricMetadata AS MetricMetadata,
    MetricMetadataTypes AS MetricMetadataTypes,
    ResourceDroppedAttributesCount AS ResourceDroppedAttributesCount,
    ResourceAttributeTypes AS ResourceAttributeTypes,
    ScopeAttributeTypes AS ScopeAttributeTypes,
    $types(point.attributes) AS AttributeTypes,
    toInt8(point.value) AS ValueType,
    point.as_int AS IntValue,
    arrayMap(e -> $types(e.filtered_attributes), point.exemplars) AS ExemplarAttributeTypes,
    arrayMap(e -> if(e.value = 'as_int', [e.as_int], []), point.exemplars) AS ExemplarIntValues
FROM
(
    SELECT
        arrayJoin(metric.gauge.data_points) AS point,
        metric.name AS MetricName,
        metric.description AS MetricDescription,
        metric.unit AS MetricUnit,
        $map(metric.metadata) AS MetricMetadata,
        $types(metric.metadata) AS MetricMetadataTypes,
        ScopeSchemaUrl,
        ScopeName,
        ScopeVersion,
        ScopeAttributes,
        ScopeAttributeTypes,
        ScopeDroppedAttributesCount,
        ResourceSchemaUrl,
        ResourceAttributes,
        ResourceAttributeTypes,
        ResourceDroppedAttributesCount
    FROM
    (
        SELECT
            arrayJoin(scope_metrics.metrics) AS metric,
            scope_metrics.schema_url AS ScopeSchemaUrl,
            $scope(scope_metrics.scope),
            ResourceSchemaUrl,
            ResourceAttributes,
            ResourceAttributeTypes,
            ResourceDroppedAttributesCount
        FROM
        (
            SELECT
                arrayJoin(resource_metrics.scope_metrics) AS scope_metrics,
                resource_metrics.schema_url AS ResourceSchemaUrl,
                $resource(resource_metrics.resource)
            FROM (SELECT arrayJoin(resource_metrics) AS resource_metrics FROM $source)
        )
    )
)
