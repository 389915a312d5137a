SELECT
    fromUnixTimestamp64Nano(toInt64(span.start_time_unix_nano)) AS Timestamp,
    lower(hex(span.trace_id)) AS TraceId,
    lower(hex(span.span_id)) AS SpanId,
    lower(hex(span.parent_span_id)) AS ParentSpanId,
    span.trace_state AS TraceState,
    span.name AS SpanName,
    transform(span.kind, [0, 1, 2, 3, 4, 5], ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'], toString(span.kind)) AS SpanKind,
    ResourceAttributes['service.name'] AS ServiceName,
    ResourceAttributes AS ResourceAttributes,
    ScopeName AS ScopeName,
    ScopeVersion AS ScopeVersion,
    $map(span.attributes) AS SpanAttributes,
    span.end_time_unix_nano - least(span.start_time_unix_nano, span.end_time_unix_nano) AS Duration,
    transform(span.status.code, [0, 1, 2], ['Unset', 'Ok', 'Error'], toString(span.status.code)) AS StatusCode,
    span.status.message AS StatusMessage,
    arrayMap(e -> fromUnixTimestamp64Nano(toInt64(e.time_unix_nano)), span.events) AS `Events.Timestamp`,
    span.events.name AS `Events.Name`,
    arrayMap(e -> $map(e.attributes), span.events) AS `Events.Attributes`,
    arrayMap(l -> lower(hex(l.trace_id)), span.links) AS `Links.TraceId`,
    arrayMap(l -> lower(hex(l.span_id)), span.links) AS `Links.SpanId`,
    span.links.trace_state AS `Links.TraceState`,
    arrayMap(l -> $map(l.attributes), span.links) AS `Links.Attributes`,
    $ingest_segment AS IngestSegment,
    $received_date AS ReceivedDate,
    span.flags AS Flags,
    span.dropped_attributes_count AS DroppedAttributesCount,
    span.dropped_events_count AS DroppedEventsCount,
    span.dropped_links_count AS DroppedLinksCount,
    span.events.dropped_attributes_count AS EventDroppedAttributesCounts,
    span.links.dropped_attributes_count AS LinkDroppedAttributesCounts,
    span.links.flags AS LinkFlags,
    ResourceSchemaUrl AS ResourceSchemaUrl,
    ResourceDroppedAttributesCount AS ResourceDroppedAttributesCount,
    ScopeSchemaUrl AS ScopeSchemaUrl,
    ScopeAttributes AS ScopeAttributes,
    ScopeDroppedAttributesCount AS ScopeDroppedAttributesCount,
    ResourceAttributeTypes AS ResourceAttributeTypes,
    ScopeAttributeTypes AS ScopeAttributeTypes,
    $types(span.attributes) AS SpanAttributeTypes,
    arrayMap(e -> $types(e.attributes), span.events) AS EventAttributeTypes,
    arrayMap(l -> $types(l.attributes), span.links) AS LinkAttributeTypes
FROM
(
    SELECT
        arrayJoin(scope_spans.spans) AS span,
        scope_spans.schema_url AS ScopeSchemaUrl,
        $scope(scope_spans.scope),
        ResourceSchemaUrl,
        ResourceAttributes,
        ResourceAttributeTypes,
        ResourceDroppedAttributesCount
    FROM
    (
        SELECT
            arrayJoin(resource_spans.scope_spans) AS scope_spans,
            resource_spans.schema_url AS ResourceSchemaUrl,
            $resource(resource_spans.resource)
        FROM (SELECT arrayJoin(resource_spans) AS resource_spans FROM $source)
    )
)
