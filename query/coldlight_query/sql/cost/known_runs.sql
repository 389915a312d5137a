-- Runs that begin in [start, end], with what only their sandbox's start told.
SELECT
    run.*,
    run.told_account AS account,
    run.told_region AS region,
    if(run.told_init_type != '', run.told_init_type, sandbox.init_type) AS init_type,
    startsWith(lower(sandbox.runtime_version), 'java') AS is_java,
    1 AS attempt
FROM (${invocations/runs}) AS run
LEFT JOIN
(
    SELECT Instance AS instance, max(InitType) AS init_type, max(RuntimeVersion) AS runtime_version
    FROM invocations
    WHERE StartBucket = toDateTime(0) AND RequestId = '' AND Instance != ''
    GROUP BY Instance
) AS sandbox ON run.instance = sandbox.instance
WHERE run.start >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND run.start <= fromUnixTimestamp64Nano({end_ns:Int64})
    AND ({function:String} = '' OR run.function = {function:String})
