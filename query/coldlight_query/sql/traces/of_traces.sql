-- the index says on which days their spans came: parts of other days are not opened
TraceId IN {trace_ids:Array(String)}
    AND ReceivedDate IN (SELECT ReceivedDate FROM trace_index WHERE TraceId IN {trace_ids:Array(String)})
