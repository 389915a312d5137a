-- The spans of some traces, as narrow as stitching needs them; each identity once: its latest complete row.
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
    SpanAttributes['error.type'] AS error_type,
    SpanAttributes['aws.lambda.status'] AS lambda_status,
    SpanAttributes['coldlight.partial'] = 'true' AS is_partial,
    SpanAttributes['faas.invocation_id'] AS request_id,
    SpanAttributes['coldlight.trigger'] AS trigger,
    SpanAttributes['messaging.destination.name'] AS destination,
    SpanAttributes['messaging.batch.message_count'] AS message_count,
    SpanAttributes['coldlight.link.produced'] AS produced,
    SpanAttributes['coldlight.link.consumed'] AS consumed,
    SpanAttributes['cloud.region'] AS called_region,
    ResourceAttributes['faas.name'] AS function_name,
    ResourceAttributes['faas.version'] AS function_version,
    ResourceAttributes['faas.instance'] AS sandbox,
    ResourceAttributes['service.instance.id'] AS service_instance,
    ResourceAttributes['cloud.account.id'] AS account,
    ResourceAttributes['cloud.region'] AS region,
    `Links.TraceId` AS link_trace_ids,
    `Links.SpanId` AS link_span_ids,
    arrayMap(attributes -> attributes['messaging.message.id'], `Links.Attributes`) AS link_message_ids
FROM
(
    SELECT *
    FROM otel_traces
    WHERE TraceId IN {trace_ids:Array(String)}
    ORDER BY SpanAttributes['coldlight.partial'] = 'true', IngestSegment DESC, Timestamp
    LIMIT 1 BY TraceId, SpanId, SpanKind
)
ORDER BY trace_id, start_ns, span_id, kind
LIMIT {limit:UInt32}
