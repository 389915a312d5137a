-- Who called what. A call that another service answered leads there, or to the resource that stood between the two.
SELECT
    call.own AS source,
    multiIf(
        served.own.2 = '', call.beyond,
        call.beyond.1 NOT IN ('', 'host', 'aws service', 'function', 'service'), call.beyond,
        served.beyond.2 != '', served.beyond,
        served.own
    ) AS target,
    count() AS calls,
    countIf(call.failed) AS errors,
    sumOrNull(call.size) AS bytes,
    quantilesTDigest(0.5, 0.95, 0.99)(call.duration_ns) AS durations_ns
FROM (SELECT * FROM (${service_map/participants}) WHERE is_call) AS call
LEFT ANY JOIN
(
    -- Zipkin gives both sides of a call one id; others make the one the parent of the other
    SELECT trace_id, arrayJoin(arrayDistinct([parent_span_id, span_id])) AS call_id, own, beyond
    FROM (${service_map/participants})
    WHERE NOT is_call
) AS served ON call.trace_id = served.trace_id AND call.span_id = served.call_id
WHERE target.2 != '' AND target != source
GROUP BY source, target
