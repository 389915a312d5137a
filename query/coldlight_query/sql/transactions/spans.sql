-- The spans of some traces, as narrow as stitching needs them; each identity once: its latest complete row.
-- Attributes are picked by lists of names: each expression of its own would cost more than the reading does.
SELECT
    TraceId AS trace_id,
    SpanId AS span_id,
    ParentSpanId AS parent_span_id,
    SpanKind AS kind,
    SpanName AS name,
    ServiceName AS service,
    toUnixTimestamp64Nano(Timestamp) AS start_ns,
    Duration AS duration_ns,
    StatusCode AS status_code,
    StatusMessage AS status_message,
    arrayMap(key -> SpanAttributes[key], {attributes:Array(String)}) AS attributes,
    arrayMap(key -> ResourceAttributes[key], {resource:Array(String)}) AS resource,
    `Links.TraceId` AS link_trace_ids,
    `Links.SpanId` AS link_span_ids,
    arrayMap(
        link -> coalesce(
            nullIf(link['messaging.message.id'], ''),
            nullIf(link['messaging.destination.partition.id'] || ':' || link['messaging.kafka.offset'], ':'),
            ''
        ),
        `Links.Attributes`
    ) AS link_message_ids
FROM otel_traces
WHERE
    ${traces/of_traces}
ORDER BY TraceId, SpanAttributes['coldlight.partial'] = 'true', IngestSegment DESC, Timestamp
LIMIT 1 BY TraceId, SpanId, SpanKind
LIMIT {limit:UInt32}
