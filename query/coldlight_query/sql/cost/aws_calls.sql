-- Calls of AWS APIs, each span once, with all that their price depends on. Of queues and topics only those are told apart whose price is another one (FIFO).
SELECT
    TraceId,
    SpanId,
    SpanKind,
    SpanAttributes,
    Timestamp,
    own,
    function,
    function_region,
    account,
    region,
    service,
    method,
    toJSONString(mapFilter(
        (name, text) -> text != '' AND (name IN (
            'messaging.batch.message_count', 'messaging.message.body.size', 'messaging.message.envelope.size',
            'aws.dynamodb.consumed_capacity', 'aws.dynamodb.consistent_read'
        ) OR (name IN ('aws.sqs.queue.url', 'aws.sns.topic.arn', 'messaging.destination.name') AND endsWith(text, '.fifo'))),
        SpanAttributes
    )) AS attributes,
    JSONLength(SpanAttributes['coldlight.link.produced']) AS items,
    if(method = 'StartSyncExecution', 100 * ceil(Duration / 1e8), 0) AS duration_ms
FROM
(
    SELECT
        TraceId,
        SpanId,
        SpanKind,
        ${service_map/own} AS own,
        if(ResourceAttributes['faas.name'] != '', ResourceAttributes['faas.name'], ServiceName) AS function,
        ResourceAttributes['cloud.region'] AS function_region,
        ResourceAttributes['cloud.account.id'] AS account,
        if(SpanAttributes['cloud.region'] != '', SpanAttributes['cloud.region'], ResourceAttributes['cloud.region']) AS region,
        SpanAttributes['rpc.service'] AS service,
        SpanAttributes['rpc.method'] AS method,
        Timestamp,
        Duration,
        SpanAttributes
    FROM otel_traces
    WHERE $among
        AND SpanKind IN ('Client', 'Producer') AND SpanAttributes['rpc.system'] = 'aws-api'
    ORDER BY SpanAttributes['coldlight.partial'] = 'true', IngestSegment DESC, Timestamp
    LIMIT 1 BY TraceId, SpanId, SpanKind
)
