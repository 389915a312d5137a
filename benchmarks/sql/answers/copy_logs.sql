-- Copies of the seed's log records, as copy_spans.sql makes those of its spans.
INSERT INTO otel_logs
WITH
    (toUnixTimestamp64Nano(Timestamp) - {first_ns:Int64}) AS since_ns,
    intDiv(since_ns, {slot_ns:Int64}) AS slot,
    {begin_ns:Int64} + intDiv((copy * {slots:Int64} + slot) * intDiv({end_ns:Int64} - {begin_ns:Int64}, {slots:Int64}), {copies:Int64}) AS start_ns,
    fromUnixTimestamp64Nano(toInt64(start_ns + moduloLegacy(since_ns, {slot_ns:Int64}))) AS moment,
    '-' || toString(copy) AS mark
SELECT
    * REPLACE (
        moment AS Timestamp,
        toDateTime(moment) AS TimestampTime,
        moment AS ObservedTimestamp,
        lower(hex(sipHash128(TraceId, copy))) AS TraceId,
        lower(hex(sipHash64(SpanId, copy))) AS SpanId,
        replaceRegexpOne(Body, '^order-[0-9]+', 'order-' || leftPad(toString(sipHash64(seed.TraceId, copy) % 100000), 5, '0')) AS Body,
        mapApply((name, text) -> (name, if(name = 'faas.invocation_id', text || mark, text)), LogAttributes) AS LogAttributes,
        toDate(fromUnixTimestamp64Nano(toInt64(start_ns)), 'UTC') AS ReceivedDate,
        {first:Int64} + 1 AS IngestSegment
    )
FROM $seed.otel_logs AS seed
ARRAY JOIN range({first:Int64}, {last:Int64}) AS copy
