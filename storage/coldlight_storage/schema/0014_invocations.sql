-- One row a run of a function, whoever tells of it first, completed when others tell the rest; in any order, and however often:
-- every column is a minimum, a maximum or a set of bits (ADR 18). Rows of one run may stand beside each other all the same, in
-- parts that are not merged yet, on two days of receipt, or where one reporter knew less than another. So read it grouped, as
-- query/coldlight_query/sql/invocations does.
--
-- Rows without a request id tell of a sandbox: its init type, how long its init took, what it failed of. All of a function's
-- stand together, in the year 1970.
CREATE TABLE IF NOT EXISTS invocations
(
    -- empty where it was not told, as all texts are
    FunctionName LowCardinality(String) CODEC(ZSTD(1)),
    -- of the start, as far as what was told allows to know it; else of the time at which it was told. An asynchronous retry
    -- has the request id of the run before it, and begins a minute after that one's end: it never shares these 20 seconds.
    StartBucket DateTime CODEC(Delta, ZSTD(1)),
    -- counted by its hash, which is read and grouped in a third of the time
    RequestHash UInt64 DEFAULT sipHash64(RequestId) CODEC(ZSTD(1)),
    RequestId String CODEC(ZSTD(1)),
    -- the sandbox, by its log stream
    Instance String CODEC(ZSTD(1)),
    ReceivedDate Date CODEC(Delta, ZSTD(1)),

    -- as its span has it; and by anybody's word
    SpanStart SimpleAggregateFunction(min, Nullable(DateTime64(9))) CODEC(Delta(8), ZSTD(1)),
    Start SimpleAggregateFunction(min, Nullable(DateTime64(9))) CODEC(Delta(8), ZSTD(1)),
    End SimpleAggregateFunction(max, Nullable(DateTime64(9))) CODEC(Delta(8), ZSTD(1)),
    Told SimpleAggregateFunction(max, DateTime64(9)) CODEC(Delta(8), ZSTD(1)),
    -- who told of it: 1 a span, 2 the Telemetry API, 4 a line of the log
    Sources SimpleAggregateFunction(groupBitOr, UInt8) CODEC(ZSTD(1)),
    -- the run's own span: (how sure, start, trace id, span id); the surest and then the first is the least
    Span SimpleAggregateFunction(min, Tuple(UInt8, DateTime64(9), String, String)) CODEC(ZSTD(1)),

    ServiceName SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    ServiceVersion SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    Account SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    Region SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    Version SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    Alias SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    Architecture SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    RuntimeVersion SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    TriggerKind SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    TriggerName SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    TenantId SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),

    -- 0 nobody told, 1 success, 2 error, 3 the runtime exited, 4 out of memory, 5 timeout: of several words the worst is true
    Outcome SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1)),
    -- (twice the outcome, one more of a span, which knows the exception; error type; message)
    Failure SimpleAggregateFunction(max, Tuple(UInt8, String, String)) CODEC(ZSTD(1)),

    -- milliseconds by the platform's report, by its word that the runtime is done, and by the span: the first known is right
    ReportedMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    DoneMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    SpanMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    BilledMs SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    IsCold SimpleAggregateFunction(max, Nullable(UInt8)) CODEC(ZSTD(1)),
    InitType SimpleAggregateFunction(max, LowCardinality(String)) CODEC(ZSTD(1)),
    InitMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    RestoreMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    BilledRestoreMs SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    ResponseLatencyMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    -- what the function may take at most, known of runs that took it, or nearly
    TimeoutMs SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    MemoryMb SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    MaxMemoryUsedMb SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    ProducedBytes SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),

    INDEX idx_request_id RequestId TYPE text(tokenizer = 'array')
) ENGINE = AggregatingMergeTree
PARTITION BY ReceivedDate
PRIMARY KEY (FunctionName, toStartOfHour(StartBucket), RequestHash)
ORDER BY (FunctionName, toStartOfHour(StartBucket), RequestHash, RequestId, Instance, StartBucket)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

-- Spans of runs: those of Coldlight's layer, of OpenTelemetry's instrumentations (before and after faas.execution was renamed),
-- and the segments that Lambda itself gives to X-Ray. Most spans are none: they cost two looks into a map.
CREATE MATERIALIZED VIEW IF NOT EXISTS invocations_of_spans TO invocations AS
SELECT
    if(ResourceAttributes['faas.name'] != '', ResourceAttributes['faas.name'], arn[7]) AS FunctionName,
    toStartOfInterval(toDateTime(Timestamp), INTERVAL 20 SECOND) AS StartBucket,
    RequestId,
    if(ResourceAttributes['faas.instance'] != '', ResourceAttributes['faas.instance'], SpanAttributes['faas.instance']) AS Instance,
    ReceivedDate,
    if(is_segment, NULL, Timestamp) AS SpanStart,
    Timestamp AS Start,
    fromUnixTimestamp64Nano(toInt64(least(toInt128(toUnixTimestamp64Nano(Timestamp)) + Duration, 9223372036854775807))) AS End,
    Timestamp AS Told,
    1 AS Sources,
    tuple(multiIf(is_segment, 2, SpanKind = 'Server', 0, 1), Timestamp, TraceId, SpanId) AS Span,
    ServiceName,
    ResourceAttributes['service.version'] AS ServiceVersion,
    multiIf(arn[5] != '', arn[5], SpanAttributes['cloud.account.id'] != '', SpanAttributes['cloud.account.id'], ResourceAttributes['cloud.account.id']) AS Account,
    if(arn[4] != '', arn[4], ResourceAttributes['cloud.region']) AS Region,
    multiIf(ResourceAttributes['faas.version'] != '', ResourceAttributes['faas.version'], match(arn[8], '^([0-9]+|\\$LATEST)$'), arn[8], '') AS Version,
    if(match(arn[8], '^([0-9]+|\\$LATEST)$'), '', arn[8]) AS Alias,
    ResourceAttributes['host.arch'] AS Architecture,
    if(SpanAttributes['coldlight.trigger'] != '', SpanAttributes['coldlight.trigger'], SpanAttributes['faas.trigger']) AS TriggerKind,
    SpanAttributes['coldlight.trigger.name'] AS TriggerName,
    SpanAttributes['aws.lambda.tenant_id'] AS TenantId,
    multiIf(
        SpanAttributes['aws.lambda.status'] = 'timeout' OR error_type = 'Sandbox.Timedout', 5,
        error_type IN ('Runtime.OutOfMemory', 'MemoryError', 'java.lang.OutOfMemoryError'), 4,
        error_type = 'Runtime.ExitError', 3,
        StatusCode = 'Error', 2,
        1
    ) AS Outcome,
    if(Outcome = 1, (0, '', ''), (toUInt8(Outcome * 2 + 1), error_type, if(StatusMessage != '', StatusMessage, exception['exception.message']))) AS Failure,
    if(is_segment, NULL, Duration / 1e6) AS SpanMs,
    transform(SpanAttributes['faas.coldstart'], ['true', 'false'], [1, 0], NULL) AS IsCold,
    -- the layer's snapshot says how much time was left when it was taken
    if(near_timeout = 0, NULL, dateDiff('millisecond', Timestamp, `Events.Timestamp`[near_timeout])
        + toFloat64OrNull(`Events.Attributes`[near_timeout]['coldlight.near_timeout.remaining_ms'])) AS TimeoutMs,
    -- bytes, and megabytes in older conventions
    intDiv(toUInt64OrNull(ResourceAttributes['faas.max_memory']), if(toUInt64OrZero(ResourceAttributes['faas.max_memory']) < 1048576, 1, 1048576)) AS MemoryMb
FROM
(
    SELECT
        SpanAttributes['aws.request_id'] != '' AND ResourceAttributes['aws.xray.origin'] = 'AWS::Lambda' AS is_segment,
        multiIf(
            SpanAttributes['faas.invocation_id'] != '', SpanAttributes['faas.invocation_id'],
            SpanAttributes['faas.execution'] != '', SpanAttributes['faas.execution'],
            is_segment, SpanAttributes['aws.request_id'],
            ''
        ) AS RequestId,
        arrayFirst(
            parts -> parts[3] = 'lambda',
            arrayMap(
                text -> splitByChar(':', text),
                [SpanAttributes['aws.lambda.invoked_arn'], SpanAttributes['cloud.resource_id'], ResourceAttributes['cloud.resource_id'], SpanAttributes['faas.id'], ResourceAttributes['faas.id']]
            )
        ) AS arn,
        indexOf(`Events.Name`, 'coldlight.near_timeout') AS near_timeout,
        `Events.Attributes`[indexOf(`Events.Name`, 'exception')] AS exception,
        if(SpanAttributes['error.type'] != '', SpanAttributes['error.type'], exception['exception.type']) AS error_type,
        Timestamp, TraceId, SpanId, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, Duration, StatusCode, StatusMessage,
        `Events.Timestamp`, `Events.Attributes`, ReceivedDate
    FROM otel_traces
    WHERE SpanKind IN ('Server', 'Consumer') AND RequestId != '' AND SpanAttributes['coldlight.partial'] != 'true'
);

-- What the platform tells, by the Telemetry API or by lines of the log. What it tells of a run's end, with how long that took, tells of
-- its start as well. `end` is not read: it tells nothing that a report does not.
CREATE MATERIALIZED VIEW IF NOT EXISTS invocations_of_events TO invocations AS
SELECT
    multiIf(LogAttributes['faas.name'] != '', LogAttributes['faas.name'], ResourceAttributes['faas.name'] != '', ResourceAttributes['faas.name'], arn[7]) AS FunctionName,
    if(RequestId = '', toDateTime(0), toStartOfInterval(toDateTime(ifNull(Start, Timestamp)), INTERVAL 20 SECOND)) AS StartBucket,
    RequestId,
    Instance,
    ReceivedDate,
    multiIf(
        event = 'start', Timestamp,
        is_end AND duration_ms IS NOT NULL, fromUnixTimestamp64Nano(toUnixTimestamp64Nano(Timestamp) - toInt64(least(duration_ms, 1e9) * 1e6)),
        NULL
    ) AS Start,
    if(is_end, Timestamp, NULL) AS End,
    Timestamp AS Told,
    if(is_line, 4, 2) AS Sources,
    tuple(multiIf(TraceId = '', 9, is_line, 4, 3), Timestamp, TraceId, SpanId) AS Span,
    if(is_line, '', ServiceName) AS ServiceName,
    ResourceAttributes['service.version'] AS ServiceVersion,
    multiIf(LogAttributes['cloud.account.id'] != '', LogAttributes['cloud.account.id'], ResourceAttributes['cloud.account.id'] != '', ResourceAttributes['cloud.account.id'], arn[5]) AS Account,
    multiIf(LogAttributes['cloud.region'] != '', LogAttributes['cloud.region'], ResourceAttributes['cloud.region'] != '', ResourceAttributes['cloud.region'], arn[4]) AS Region,
    if(LogAttributes['faas.version'] != '', LogAttributes['faas.version'], ResourceAttributes['faas.version']) AS Version,
    ResourceAttributes['host.arch'] AS Architecture,
    LogAttributes['aws.lambda.runtime_version'] AS RuntimeVersion,
    LogAttributes['aws.lambda.tenant_id'] AS TenantId,
    multiIf(
        RequestId != '' AND NOT is_end, 0,
        status = 'timeout' OR error_type = 'Sandbox.Timedout', 5,
        error_type = 'Runtime.OutOfMemory', 4,
        status = 'failure' OR error_type = 'Runtime.ExitError', 3,
        status IN ('error', 'failure') OR error_type != '', 2,
        1
    ) AS Outcome,
    if(Outcome < 2, (0, '', ''), (toUInt8(Outcome * 2), error_type, '')) AS Failure,
    if(event = 'report', duration_ms, NULL) AS ReportedMs,
    if(event IN ('runtime_done', 'fault'), duration_ms, NULL) AS DoneMs,
    toUInt64OrNull(LogAttributes['aws.lambda.billed_duration_ms']) AS BilledMs,
    if(event = 'report', InitMs IS NOT NULL OR RestoreMs IS NOT NULL, NULL) AS IsCold,
    LogAttributes['aws.lambda.init_type'] AS InitType,
    toFloat64OrNull(LogAttributes['aws.lambda.init_duration_ms']) AS InitMs,
    toFloat64OrNull(LogAttributes['aws.lambda.restore_duration_ms']) AS RestoreMs,
    toUInt64OrNull(LogAttributes['aws.lambda.billed_restore_duration_ms']) AS BilledRestoreMs,
    toFloat64OrNull(LogAttributes['aws.lambda.response_latency_ms']) AS ResponseLatencyMs,
    if(Outcome = 5, duration_ms, NULL) AS TimeoutMs,
    toUInt64OrNull(LogAttributes['aws.lambda.memory_size_mb']) AS MemoryMb,
    toUInt64OrNull(LogAttributes['aws.lambda.max_memory_used_mb']) AS MaxMemoryUsedMb,
    toUInt64OrNull(LogAttributes['aws.lambda.produced_bytes']) AS ProducedBytes
FROM
(
    SELECT
        substring(if(EventName != '', EventName, LogAttributes['event.name']), 12) AS event,
        event IN ('report', 'runtime_done', 'fault') AS is_end,
        LogAttributes['faas.invocation_id'] AS RequestId,
        if(LogAttributes['faas.instance'] != '', LogAttributes['faas.instance'], ResourceAttributes['faas.instance']) AS Instance,
        LogAttributes['aws.lambda.source'] = 'log' AS is_line,
        LogAttributes['aws.lambda.status'] AS status,
        LogAttributes['aws.lambda.error_type'] AS error_type,
        toFloat64OrNull(LogAttributes['aws.lambda.duration_ms']) AS duration_ms,
        splitByChar(':', if(LogAttributes['cloud.resource_id'] != '', LogAttributes['cloud.resource_id'], ResourceAttributes['cloud.resource_id'])) AS arn,
        Timestamp, TraceId, SpanId, ServiceName, ResourceAttributes, LogAttributes, ReceivedDate
    FROM otel_logs
    WHERE startsWith(if(EventName != '', EventName, LogAttributes['event.name']), 'aws.lambda.')
        AND event IN ('start', 'runtime_done', 'report', 'fault', 'init_start', 'init_report', 'restore_report')
        AND (RequestId != '' OR Instance != '')
);

FILL invocations_of_spans;
FILL invocations_of_events;
