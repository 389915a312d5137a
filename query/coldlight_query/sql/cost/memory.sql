-- How much memory functions used at each size that they ran with, the present size first.
SELECT
    function,
    account,
    region,
    architecture,
    assumeNotNull(memory_mb) AS size_mb,
    toUInt64(quantileExact(0.99)(max_memory_used_mb)) AS p99_used_mb,
    count() AS invocations,
    sum(ifNull(billed_ms, toUInt64(ceil(ifNull(duration_ms, 0))))) AS total_billed_ms
FROM (${cost/known_runs})
WHERE memory_mb IS NOT NULL AND max_memory_used_mb IS NOT NULL
GROUP BY function, account, region, architecture, size_mb
ORDER BY function, account, region, max(start) DESC
