-- Invocations, counted by function, by all that their price depends on, and by what `by` names. Times are sums over a group, in
-- whole milliseconds: they are billed so.
SELECT
    function,
    if(has({by:Array(String)}, 'route'), route, '') AS by_route,
    if(has({by:Array(String)}, 'tenant_id'), tenant_id, '') AS by_tenant_id,
    if(has({by:Array(String)}, 'version'), version, '') AS by_version,
    if(has({by:Array(String)}, 'version'), service_version, '') AS by_service_version,
    start >= fromUnixTimestamp64Nano({split_ns:Int64}) AS is_after_split,
    toDate(start, 'UTC') AS day,
    account,
    region,
    architecture,
    init_type,
    memory_mb,
    trigger,
    billed_ms IS NOT NULL AS is_reported,
    restore_ms IS NOT NULL AS is_restored,
    is_java,
    tenant_id != '' AND ifNull(is_cold, 0) AS is_new_tenant_environment,
    has({by:Array(String)}, 'waste') AND status NOT IN ('', 'success') AS is_failed,
    has({by:Array(String)}, 'waste') AND attempt > 1 AS is_retry,
    count() AS invocations,
    sum(billed_ms) AS total_billed_ms,
    -- what is not reported: the duration, and the init phase where it is billed
    sum(toUInt64(ceil(duration_ms + if(start >= {init_is_billed_since:Date} AND init_type != {provisioned:String}, ifNull(init_ms, 0), 0)))) AS total_duration_ms,
    -- of runs of which both are told
    sum(if(reported_ms IS NULL OR done_ms IS NULL, NULL, toUInt64(greatest(0, assumeNotNull(reported_ms) - assumeNotNull(done_ms))))) AS total_added_ms
FROM ($counted) AS run
LEFT JOIN
(
    SELECT
        SpanAttributes['faas.invocation_id'] AS request_id,
        any(concat(SpanAttributes['http.request.method'], ' ', if(SpanAttributes['http.route'] != '', SpanAttributes['http.route'], SpanAttributes['url.path']))) AS route
    FROM otel_traces
    WHERE has({by:Array(String)}, 'route')
        AND Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64})
        AND SpanKind = 'Server' AND SpanAttributes['faas.invocation_id'] != '' AND SpanAttributes['http.request.method'] != ''
    GROUP BY request_id
) AS routes ON run.request_id = routes.request_id
GROUP BY ALL
