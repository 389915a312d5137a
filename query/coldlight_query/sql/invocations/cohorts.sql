-- How the runs of one version did since it was first seen, and those of the function's other versions until then.
SELECT
    ifNull(if({is_published:Bool}, version, service_version) = {version:String}, 0) AS of_version,
    count() AS invocations,
    countIf(status NOT IN ('', 'success')) AS errors,
    countIf(status = 'timeout') AS timeouts,
    countIf(status = 'out_of_memory') AS out_of_memory,
    countIf(is_cold = 1) AS cold_starts,
    if(countIf(duration_ms IS NOT NULL AND is_cold = 1) = 0, [], quantilesExactInclusiveIf(0.5, 0.95, 0.99)(duration_ms, is_cold = 1)) AS cold_duration_ms,
    if(countIf(duration_ms IS NOT NULL AND is_cold = 0) = 0, [], quantilesExactInclusiveIf(0.5, 0.95, 0.99)(duration_ms, is_cold = 0)) AS warm_duration_ms,
    sum(billed_ms) AS billed_ms
FROM (${invocations/runs})
WHERE function = {function:String}
    AND (told_account = '' OR told_account = {account:String} OR {account:String} = '')
    AND (told_region = '' OR told_region = {region:String} OR {region:String} = '')
    AND start >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND start <= fromUnixTimestamp64Nano({end_ns:Int64})
    AND (start >= fromUnixTimestamp64Nano({first_ns:Int64})) = of_version
GROUP BY of_version
