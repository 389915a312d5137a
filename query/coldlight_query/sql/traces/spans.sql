-- The spans of one trace in the order of their start, after a place; each identity once: its latest complete row.
SELECT
    SpanId AS span_id,
    ParentSpanId AS parent_span_id,
    SpanName AS name,
    SpanKind AS kind,
    ServiceName AS service,
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    Duration AS duration_ns,
    StatusCode AS status_code,
    StatusMessage AS status_message,
    TraceState AS trace_state,
    Flags AS flags,
    DroppedAttributesCount AS dropped_attributes_count,
    DroppedEventsCount AS dropped_events_count,
    DroppedLinksCount AS dropped_links_count,
    mapKeys(SpanAttributes) AS attribute_keys,
    mapValues(SpanAttributes) AS attribute_texts,
    SpanAttributeTypes AS attribute_types,
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
    arrayMap(t -> toUnixTimestamp64Nano(t), `Events.Timestamp`) AS event_times_ns,
    `Events.Name` AS event_names,
    arrayMap(m -> mapKeys(m), `Events.Attributes`) AS event_keys,
    arrayMap(m -> mapValues(m), `Events.Attributes`) AS event_texts,
    EventAttributeTypes AS event_types,
    EventDroppedAttributesCounts AS event_dropped_attributes_counts,
    `Links.TraceId` AS link_trace_ids,
    `Links.SpanId` AS link_span_ids,
    `Links.TraceState` AS link_trace_states,
    arrayMap(m -> mapKeys(m), `Links.Attributes`) AS link_keys,
    arrayMap(m -> mapValues(m), `Links.Attributes`) AS link_texts,
    LinkAttributeTypes AS link_types,
    LinkFlags AS link_flags,
    LinkDroppedAttributesCounts AS link_dropped_attributes_counts
FROM
(
    -- before anything is cut to a page, or an older row of a span could come back on the next one
    SELECT *
    FROM otel_traces
    WHERE TraceId = {trace_id:String}
        -- parts of other days are not opened
        AND ReceivedDate IN (SELECT ReceivedDate FROM trace_index WHERE TraceId = {trace_id:String})
    ORDER BY SpanAttributes['coldlight.partial'] = 'true', IngestSegment DESC, Timestamp
    LIMIT 1 BY SpanId, SpanKind
)
WHERE (start_ns, span_id, kind) > ({after_ns:Int64}, {after_span_id:String}, {after_kind:String})
ORDER BY start_ns, span_id, kind
LIMIT {limit:UInt32}
