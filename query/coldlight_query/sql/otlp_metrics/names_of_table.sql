SELECT
    MetricName AS name,
    $kind AS kind,
    argMax(MetricUnit, TimeUnix) AS told_unit,
    argMax(MetricDescription, TimeUnix) AS told_description,
    groupUniqArray(100)(ServiceName::String) AS senders,
    groupUniqArray($temporality) AS numbers,
    count() AS counted,
    toUnixTimestamp64Nano(min(TimeUnix)) AS oldest_ns,
    toUnixTimestamp64Nano(max(TimeUnix)) AS newest_ns
FROM $table
WHERE ({name:String} = '' OR MetricName = {name:String})
    AND position(MetricName, {part:String}) > 0
    AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64})
    AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64})
    AND $condition
GROUP BY name, kind
