-- The points of each series in the order of time, with what each says beyond the one before it. A point that was stored twice counts once.
SELECT
    series,
    time_ns,
    now,
    lagInFrame((time_ns, now)) OVER (PARTITION BY series ORDER BY time_ns) AS preceding,
    preceding.1 AS before_ns,
    preceding.2 AS before,
    ${otlp_metrics/change} AS change
FROM
(
    SELECT
        cityHash64(mapSort(ResourceAttributes), ScopeName, ScopeVersion, mapSort(Attributes)) AS series,
        toUnixTimestamp64Nano(TimeUnix) AS time_ns,
        argMax(
            CAST(
                ([$labels], toUnixTimestamp64Nano(StartTimeUnix), $is_delta, $held),
                'Tuple(labels Array(String), start_ns Int64, is_delta Bool, $type)'
            ),
            IngestSegment
        ) AS now
    FROM $table
    WHERE MetricName = {metric:String}
        AND TimeUnix >= fromUnixTimestamp64Nano({read_ns:Int64})
        AND TimeUnix < fromUnixTimestamp64Nano({end_ns:Int64})
        AND bitAnd(Flags, 1) = 0 -- a point of nothing: FLAG_NO_RECORDED_VALUE
        AND $condition
    GROUP BY series, time_ns
)
