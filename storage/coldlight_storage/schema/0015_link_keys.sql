-- What joins spans that no trace context joins: each link key, who produced and who consumed it. Requests are put together
-- when they are read, so it does not matter which end came first, nor how long before the other (ADR 17).
--
--   produced, consumed  the entries of coldlight.link.produced and .consumed
--   invoked             lambda:<request id>, by the invocation of that id
--   linked              trace:<trace id>, by a span that has a link into that trace
--
-- Sorted by the key, so that thousands are looked up in milliseconds; then by time, for of a table's item that is written all
-- day only the writes around a moment matter. A row that comes again has the same place, and merges keep one of them:
-- read it with LIMIT 1 BY.
CREATE TABLE IF NOT EXISTS link_keys
(
    Key String CODEC(ZSTD(1)),
    Role LowCardinality(String) CODEC(ZSTD(1)),
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    -- whose they are, as far as the span tells: a key made of names means the same only within them
    Account LowCardinality(String) CODEC(ZSTD(1)),
    Region LowCardinality(String) CODEC(ZSTD(1)),
    ReceivedDate Date CODEC(Delta, ZSTD(1))
) ENGINE = ReplacingMergeTree
PARTITION BY ReceivedDate
PRIMARY KEY (Key, Role, Timestamp)
ORDER BY (Key, Role, Timestamp, TraceId, SpanId, SpanKind)
SETTINGS index_granularity = 256, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000, old_parts_lifetime = 480;

-- Most spans have no keys: they cost three looks into a map.
CREATE MATERIALIZED VIEW IF NOT EXISTS link_keys_view TO link_keys AS
SELECT
    entry.1 AS Key,
    entry.2 AS Role,
    Timestamp,
    TraceId,
    SpanId,
    SpanKind,
    ResourceAttributes['cloud.account.id'] AS Account,
    if(SpanAttributes['cloud.region'] != '', SpanAttributes['cloud.region'], ResourceAttributes['cloud.region']) AS Region,
    ReceivedDate
FROM
(
    SELECT
        SpanAttributes['coldlight.link.produced'] AS produced,
        SpanAttributes['coldlight.link.consumed'] AS consumed,
        if(SpanKind = 'Server', SpanAttributes['faas.invocation_id'], '') AS request_id,
        *
    FROM otel_traces
    WHERE TraceId != '' AND (produced != '' OR consumed != '' OR request_id != '' OR notEmpty(`Links.TraceId`))
)
ARRAY JOIN arrayConcat(
    arrayMap(key -> (key, 'produced'), JSONExtract(produced, 'Array(String)')),
    arrayMap(key -> (key, 'consumed'), JSONExtract(consumed, 'Array(String)')),
    if(request_id = '', [], [('lambda:' || request_id, 'invoked')]),
    arrayMap(trace -> ('trace:' || trace, 'linked'), arrayDistinct(`Links.TraceId`))
) AS entry
WHERE entry.1 != '';

FILL link_keys_view;
