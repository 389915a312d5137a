-- Those of some spans of which a row tells the kind: internal says no more than that none is known.
SELECT DISTINCT SpanId AS span_id
FROM otel_traces
WHERE TraceId = {trace_id:String} AND SpanId IN {span_ids:Array(String)} AND SpanKind != 'Internal'
