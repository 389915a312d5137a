-- What set services off through something between: a queue, a topic, an API ... Where the other end of a link key is known, the
-- producer tells what that was, and how long it took; otherwise what was set off tells.
SELECT
    if(sent.beyond.2 != '', sent.beyond, arrived.beyond) AS source,
    arrived.own AS target,
    count() AS calls,
    countIf(arrived.failed) AS errors,
    sumOrNull(arrived.size) AS bytes,
    quantilesTDigest(0.5, 0.95, 0.99)(arrived.duration_ns) AS durations_ns,
    quantilesTDigestIf(0.5, 0.95, 0.99)(
        greatest(arrived.start_ns - sent.start_ns - toInt64(sent.duration_ns), 0), sent.beyond.2 != ''
    ) AS waits_ns,
    countIf(sent.beyond.2 != '') AS waited
FROM
(
    SELECT *
    FROM (${service_map/participants})
    WHERE NOT is_call
        AND (trace_id, parent_span_id, own) NOT IN (SELECT trace_id, span_id, own FROM (${service_map/participants}) WHERE NOT is_call)
) AS arrived
LEFT ANY JOIN
(
    SELECT consumer.TraceId AS to_trace_id, consumer.SpanId AS to_span_id, producer.beyond AS beyond,
        producer.start_ns AS start_ns, producer.duration_ns AS duration_ns
    FROM (SELECT DISTINCT Key, TraceId, SpanId FROM link_keys WHERE Role = 'consumed' AND ${service_map/in_range}) AS consumer
    INNER JOIN (SELECT DISTINCT Key, TraceId, SpanId FROM link_keys WHERE Role = 'produced' AND ${service_map/in_range}) AS keys
        ON consumer.Key = keys.Key
    INNER JOIN (SELECT * FROM (${service_map/participants}) WHERE is_call) AS producer
        ON keys.TraceId = producer.trace_id AND keys.SpanId = producer.span_id
) AS sent ON arrived.trace_id = sent.to_trace_id AND arrived.span_id = sent.to_span_id
WHERE source.2 != '' AND source != target
GROUP BY source, target
