-- When each version of each function was seen first and last. `$LATEST` is no version: there, the service's version counts.
SELECT
    FunctionName AS function,
    Account AS account,
    Region AS region,
    Version NOT IN ('', '$LATEST') AS is_published,
    if(is_published, Version, ServiceVersion) AS version,
    max(ServiceVersion) AS service_version,
    toUnixTimestamp64Nano(min(ifNull(Start, Told))) AS first_ns,
    toUnixTimestamp64Nano(max(ifNull(Start, Told))) AS last_ns
FROM invocations
WHERE StartBucket != toDateTime(0)
    AND version != ''
    AND FunctionName != ''
    AND ({function:String} = '' OR FunctionName = {function:String})
GROUP BY function, account, region, is_published, version
