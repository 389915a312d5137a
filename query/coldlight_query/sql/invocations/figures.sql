-- How functions did, one row a function. Quantiles are of the runs themselves: the states hold each one's duration.
-- An account or region that some runs do not tell is that of the function's other runs, if those agree.
SELECT
    function,
    account,
    region,
    sum(runs) AS invocations,
    sum(runs_ended) AS ended,
    sum(runs_failed) AS errors,
    sum(runs_timed_out) AS timeouts,
    sum(runs_out_of_memory) AS out_of_memory,
    sum(runs_cold) AS cold_starts,
    sum(runs_known_cold) AS known_cold,
    sum(runs_near_memory) AS near_memory,
    sum(runs_near_timeout) AS near_timeout,
    if(sum(all_ms_known) = 0, [], quantilesExactInclusiveMerge(0.5, 0.95, 0.99)(all_ms)) AS duration_ms,
    if(sum(cold_ms_known) = 0, [], quantilesExactInclusiveMerge(0.5, 0.95, 0.99)(cold_ms)) AS cold_duration_ms,
    if(sum(warm_ms_known) = 0, [], quantilesExactInclusiveMerge(0.5, 0.95, 0.99)(warm_ms)) AS warm_duration_ms,
    if(sum(waited_ms_known) = 0, [], quantilesExactInclusiveMerge(0.5, 0.95, 0.99)(waited_ms)) AS init_ms,
    sum(busy_ms) AS busy_ms,
    sum(billed) AS billed_ms,
    max(timeout) AS timeout_ms,
    argMax(memory, latest) AS memory_mb,
    max(used) AS max_memory_used_mb,
    maxIntersectionsMerge(at_once) AS peak,
    uniqExactMerge(instances) AS sandboxes,
    arraySort(version -> (version.2, version.1), groupArray((version, toUnixTimestamp64Nano(first), toUnixTimestamp64Nano(latest), runs, runs_failed))) AS versions
FROM
(
    SELECT
        *,
        if(told_account = '' AND length(accounts) = 1, accounts[1], told_account) AS account,
        if(told_region = '' AND length(regions) = 1, regions[1], told_region) AS region
    FROM
    (
        SELECT
            *,
            groupUniqArrayIf(told_account, told_account != '') OVER (PARTITION BY function) AS accounts,
            groupUniqArrayIf(told_region, told_region != '') OVER (PARTITION BY function) AS regions
        FROM
        (
            SELECT
                function,
                told_account,
                told_region,
                version,
                count() AS runs,
                countIf(status != '') AS runs_ended,
                countIf(status NOT IN ('', 'success')) AS runs_failed,
                countIf(status = 'timeout') AS runs_timed_out,
                countIf(status = 'out_of_memory') AS runs_out_of_memory,
                countIf(is_cold = 1) AS runs_cold,
                countIf(is_cold IS NOT NULL) AS runs_known_cold,
                countIf(max_memory_used_mb > 0.95 * memory_mb) AS runs_near_memory,
                countIf(duration_ms > 0.95 * timeout_ms) AS runs_near_timeout,
                quantilesExactInclusiveState(0.5, 0.95, 0.99)(duration_ms) AS all_ms,
                quantilesExactInclusiveStateIf(0.5, 0.95, 0.99)(duration_ms, is_cold = 1) AS cold_ms,
                quantilesExactInclusiveStateIf(0.5, 0.95, 0.99)(duration_ms, is_cold = 0) AS warm_ms,
                quantilesExactInclusiveState(0.5, 0.95, 0.99)(coalesce(init_ms, restore_ms)) AS waited_ms,
                count(duration_ms) AS all_ms_known,
                countIf(duration_ms IS NOT NULL AND is_cold = 1) AS cold_ms_known,
                countIf(duration_ms IS NOT NULL AND is_cold = 0) AS warm_ms_known,
                count(coalesce(init_ms, restore_ms)) AS waited_ms_known,
                sum(duration_ms) AS busy_ms,
                sum(billed_ms) AS billed,
                max(timeout_ms) AS timeout,
                argMax(memory_mb, start) AS memory,
                max(max_memory_used_mb) AS used,
                maxIntersectionsStateIf(toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(assumeNotNull(end)), end > start) AS at_once,
                uniqExactStateIf(sipHash64(instance), instance != '') AS instances,
                min(start) AS first,
                max(start) AS latest
            FROM (${invocations/runs})
            WHERE start >= fromUnixTimestamp64Nano({start_ns:Int64})
                AND start <= fromUnixTimestamp64Nano({end_ns:Int64})
                AND ({function:String} = '' OR function = {function:String})
                AND ({version:String} = '' OR version = {version:String})
            GROUP BY function, told_account, told_region, version
        )
    )
)
GROUP BY function, account, region
ORDER BY function, account, region
