-- Copies of the seed's spans, number `first` to before `last` of `copies`: ids of their own, spread evenly over the time from
-- `begin_ns` to `end_ns`. What belongs together in the seed does so in a copy: traces, link keys, invocations.
-- With `huge`, all copies of one trace are one trace.
INSERT INTO otel_traces
WITH
    (toUnixTimestamp64Nano(Timestamp) - {first_ns:Int64}) AS since_ns,
    intDiv(since_ns, {slot_ns:Int64}) AS slot,
    {begin_ns:Int64} + intDiv((copy * {slots:Int64} + slot) * intDiv({end_ns:Int64} - {begin_ns:Int64}, {slots:Int64}), {copies:Int64}) AS start_ns,
    moduloLegacy(since_ns, {slot_ns:Int64}) AS in_slot_ns,
    if({huge:Bool}, 0, copy) AS trace_copy,
    '-' || toString(copy) AS mark
SELECT
    * REPLACE (
        fromUnixTimestamp64Nano(toInt64(start_ns + in_slot_ns)) AS Timestamp,
        lower(hex(sipHash128(TraceId, trace_copy))) AS TraceId,
        lower(hex(sipHash64(SpanId, copy))) AS SpanId,
        if(ParentSpanId = '', '', lower(hex(sipHash64(ParentSpanId, copy)))) AS ParentSpanId,
        mapApply(
            (name, text) -> (name, multiIf(
                name = 'faas.invocation_id', text || mark,
                name = 'shop.order.id', 'order-' || leftPad(toString(sipHash64(seed.TraceId, copy) % 100000), 5, '0'),
                startsWith(name, 'coldlight.link.'), replaceAll(replaceAll(text, '","', mark || '","'), '"]', mark || '"]'),
                text
            )),
            SpanAttributes
        ) AS SpanAttributes,
        toDate(fromUnixTimestamp64Nano(toInt64(start_ns)), 'UTC') AS ReceivedDate,
        {first:Int64} + 1 AS IngestSegment
    )
FROM $seed.otel_traces AS seed
ARRAY JOIN range({first:Int64}, {last:Int64}) AS copy
WHERE {trace_id:String} IN ('', seed.TraceId)
