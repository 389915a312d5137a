StartBucket >= toDateTime({rows_from_s:UInt32})
    AND StartBucket <= toDateTime({rows_to_s:UInt32})
    AND StartBucket != toDateTime(0)
    AND ({function:String} = '' OR FunctionName IN ({function:String}, ''))
