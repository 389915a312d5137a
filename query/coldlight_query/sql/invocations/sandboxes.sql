-- What the platform told of sandboxes when they started.
SELECT
    Instance AS instance,
    max(InitType) AS init_type,
    max(InitMs) AS init_ms,
    max(RestoreMs) AS restore_ms,
    max(RuntimeVersion) AS runtime_version
FROM invocations
WHERE FunctionName IN {functions:Array(String)} AND StartBucket = toDateTime(0) AND RequestId = '' AND Instance IN {instances:Array(String)}
GROUP BY Instance
