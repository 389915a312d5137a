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
    point.count AS Count,
    point.sum AS Sum,
    point.quantile_values.quantile AS `ValueAtQuantiles.Quantile`,
    point.quantile_values.value AS `ValueAtQuantiles.Value`,
    point.flags AS Flags,
    $ingest_segment AS IngestSegment,
    $received_date AS ReceivedDate,
    MetricMetadata AS MetricMetadata,
    MetricMetadataTypes AS MetricMetadataTypes,
    ResourceDroppedAttributesCount AS ResourceDroppedAttributesCount,
    ResourceAttributeTypes AS ResourceAttributeTypes,
    ScopeAttributeTypes AS ScopeAttributeTypes,
    $types(point.attributes) AS AttributeTypes
FROM
(
    SELECT
        arrayJoin(metric.summary.data_points) AS point,
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
