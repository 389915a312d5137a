MetricName = {metric:String}
    AND TimeUnix >= fromUnixTimestamp64Nano({read_ns:Int64})
    AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64})
    AND bitAnd(Flags, 1) = 0 -- a point of nothing: FLAG_NO_RECORDED_VALUE
    AND $condition
