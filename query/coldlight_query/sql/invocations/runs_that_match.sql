-- The newest runs of a function that begin in [start, before) and meet the conditions, after the place of a cursor.
SELECT
    request_id,
    toUnixTimestamp64Nano(start) AS start_ns,
    instance
FROM (${invocations/runs})
WHERE function = {function:String}
    AND (told_account = '' OR told_account = {account:String} OR {account:String} = '')
    AND (told_region = '' OR told_region = {region:String} OR {region:String} = '')
    AND start_ns >= {start_ns:Int64}
    AND start_ns <= {end_ns:Int64}
    AND (start_ns, request_id, instance) < ({before_ns:Int64}, {before_request_id:String}, {before_instance:String})
    AND ({version:String} = '' OR version = {version:String})
    AND ({status:String} = '' OR status = {status:String})
    AND ({cold:Int8} < 0 OR is_cold = {cold:Int8})
    AND ({min_duration_ms:Float64} = 0 OR duration_ms >= {min_duration_ms:Float64})
ORDER BY start_ns DESC, request_id DESC, instance DESC
LIMIT {limit:UInt32}
