-- Errors of one kind in one function, an hour a row. What makes a kind: the function or service, the type, the innermost
-- frame of its own code, and the message without numbers and ids (ADR 20).
--
-- Only what a function or service answered for, or raised, counts: a failed call that it dealt with is no issue of its own.
-- An error that passes several spans of one function in one trace is one occurrence. All aggregates stay right however
-- often, late or reordered a span arrives.
CREATE TABLE IF NOT EXISTS issues
(
    Fingerprint String CODEC(ZSTD(1)),
    Hour DateTime CODEC(Delta, ZSTD(1)),
    ReceivedDate Date CODEC(Delta, ZSTD(1)),
    Function LowCardinality(String) CODEC(ZSTD(1)),
    Type SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    Frame SimpleAggregateFunction(any, String) CODEC(ZSTD(1)),
    FirstSeen SimpleAggregateFunction(min, DateTime64(9)) CODEC(ZSTD(1)),
    -- (time, trace id, span id, message, version) of the last one
    Last SimpleAggregateFunction(max, Tuple(DateTime64(9), String, String, String, String)) CODEC(ZSTD(1)),
    Versions SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
    Occurrences AggregateFunction(uniqExact, UInt64) CODEC(NONE)
) ENGINE = AggregatingMergeTree
PARTITION BY ReceivedDate
ORDER BY (Fingerprint, Function, Hour)
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

CREATE MATERIALIZED VIEW IF NOT EXISTS issues_view TO issues AS
SELECT
    lower(hex(sipHash128(Function, type, frame, if(ends_run, '', message_kind)))) AS Fingerprint,
    toStartOfHour(Timestamp) AS Hour,
    ReceivedDate,
    Function,
    any(type) AS Type,
    any(frame) AS Frame,
    min(Timestamp) AS FirstSeen,
    max((Timestamp, TraceId, SpanId, substringUTF8(message, 1, 1000), version)) AS Last,
    groupUniqArray(version) AS Versions,
    uniqExactState(sipHash64(TraceId, instance)) AS Occurrences
FROM
(
    SELECT
        Timestamp,
        ReceivedDate,
        TraceId,
        SpanId,
        if(ResourceAttributes['faas.name'] != '', ResourceAttributes['faas.name'], toString(ServiceName)) AS Function,
        ResourceAttributes['faas.instance'] AS instance,
        if(ResourceAttributes['faas.version'] != '', ResourceAttributes['faas.version'], ResourceAttributes['service.version']) AS version,
        arrayLast((name, attributes) -> name = 'exception', `Events.Name`, `Events.Attributes`) != '' AS has_exception,
        arrayLast((attributes, name) -> name = 'exception', `Events.Attributes`, `Events.Name`) AS exception,
        multiIf(
            exception['exception.type'] != '', exception['exception.type'],
            SpanAttributes['error.type'] != '', SpanAttributes['error.type'],
            SpanAttributes['http.response.status_code'] != '', 'HTTP ' || SpanAttributes['http.response.status_code'],
            'Error'
        ) AS type,
        if(exception['exception.message'] != '', exception['exception.message'], StatusMessage) AS message,
        -- how the platform ends a run has no message worth comparing
        type IN ('Sandbox.Timedout', 'Runtime.OutOfMemory', 'Runtime.ExitError') AS ends_run,
        replaceRegexpAll(
            replaceRegexpAll(substringUTF8(message, 1, 1000), '[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|0x[0-9a-fA-F]+|\\b[0-9a-fA-F]{16,}\\b', '<id>'),
            '[0-9]+',
            '<n>'
        ) AS message_kind,
        -- of Python's frames the innermost one that is not a library's: file:function, without the line, which moves with every deployment
        arrayLast(
            place -> NOT match(place, 'site-packages|dist-packages|/python3\\.|/var/runtime|/var/lang|/opt/|<frozen'),
            arrayMap(
                groups -> groups[1] || ':' || groups[2],
                extractAllGroupsVertical(exception['exception.stacktrace'], 'File "([^"]+)", line [0-9]+, in ([^\n]+)')
            )
        ) AS frame
    FROM otel_traces
    WHERE StatusCode = 'Error'
        AND TraceId != ''
        AND SpanAttributes['coldlight.partial'] != 'true'
        AND (SpanKind IN ('Server', 'Consumer') OR (SpanKind = 'Internal' AND has(`Events.Name`, 'exception')))
)
GROUP BY Fingerprint, Hour, ReceivedDate, Function;

FILL issues_view;
