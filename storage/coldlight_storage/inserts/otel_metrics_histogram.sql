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
    ifNull(point.sum, 0) AS Sum,
    point.bucket_counts AS BucketCounts,
    point.explicit_bounds AS ExplicitBounds,
    arrayMap(e -> $map(e.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano)), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(e -> if(e.value = 'as_int', toFloat64(e.as_int), e.as_double), point.exemplars) AS `Exemplars.Value`,
    arrayMap(e -> lower(hex(e.span_id)), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(e -> lower(hex(e.trace_id)), point.exemplars) AS `Exemplars.TraceId`,
    point.flags AS Flags,
    ifNull(point.min, 0) AS Min,
    ifNull(point.max, 0) AS Max,
    AggregationTemporality AS AggregationTemporality,
    $ingest_segment AS IngestSegment,
    $received_date AS ReceivedDate,
    MetricMetadata AS MetricMetadata,
    MetricMetadataTypes AS MetricMetadataTypes,
    ResourceDroppedAttributesCount AS ResourceDroppedAttributesCount,
    ResourceAttributeTypes AS ResourceAttributeTypes,
    ScopeAttributeTypes AS ScopeAttributeTypes,
    $types(point.attributes) AS AttributeTypes,
    arrayMap(e -> $types(e.filtered_attributes), point.exemplars) AS ExemplarAttributeTypes,
    arrayMap(e -> if(e.value = 'as_int', [e.as_int], []), point.exemplars) AS ExemplarIntValues,
    isNotNull(point.sum) AS HasSum,
    isNotNull(point.min) AS HasMin,
    isNotNull(point.max) AS HasMax
FROM
(
    SELECT
        arrayJoin(metric.histogram.data_points) AS point,
        metric.histogram.aggregation_temporality AS AggregationTemporality,
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
