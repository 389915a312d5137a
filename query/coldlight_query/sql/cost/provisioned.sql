-- Sandboxes of provisioned concurrency: from their first invocation to their last, and how long they were busy.
SELECT
    function,
    account,
    region,
    architecture,
    instance,
    max(memory_mb) AS size_mb,
    toUnixTimestamp64Milli(min(start)) AS first_ms,
    toUnixTimestamp64Milli(max(start)) + toInt64(argMax(ifNull(duration_ms, 0), start)) AS last_ms,
    toUInt64(sum(ifNull(duration_ms, 0))) AS busy_ms
FROM (${cost/known_runs})
WHERE init_type = {provisioned:String} AND instance != '' AND memory_mb IS NOT NULL
GROUP BY function, account, region, architecture, instance
