-- What Lambda billed for some requests: of the copies of one report (Telemetry API, log line) one a sandbox.
SELECT
    LogAttributes['faas.invocation_id'] AS request_id,
    LogAttributes['faas.instance'] AS sandbox,
    toUnixTimestamp64Nano(min(Timestamp)) AS time_ns,
    max(toFloat64OrNull(LogAttributes['aws.lambda.billed_duration_ms'])) AS billed_ms
FROM otel_logs
WHERE TraceId IN {trace_ids:Array(String)} AND EventName = 'aws.lambda.report' AND request_id IN {request_ids:Array(String)}
GROUP BY request_id, sandbox
ORDER BY request_id, time_ns, sandbox
