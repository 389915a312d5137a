-- Figures of histograms and summaries, one row for each group and step that has any; groups with the most points come first.
-- A point that was stored twice counts once. `count`, `sum` and `distribution` are of what a step added, null or empty where nothing tells.
SELECT
    intDiv(time_ns - {first_ns:Int64}, {step_ns:Int64}) AS step,
    now.labels AS labels,
    sum(multiIf(change = 'all', now.count, change = 'difference', now.count - before.count, NULL)) AS count,
    sum(multiIf(change = 'all', now.sum, change = 'difference', now.sum - before.sum, NULL)) AS sum,
    min(if(change = 'all', now.min, NULL)) AS min,
    max(if(change = 'all', now.max, NULL)) AS max,
    $distribution AS distribution,
    sum(count()) OVER (PARTITION BY labels) AS points_of_group
FROM
(
    SELECT
        series,
        time_ns,
        now,
        lagInFrame((time_ns, now)) OVER (PARTITION BY series ORDER BY time_ns) AS preceding,
        preceding.1 AS before_ns,
        preceding.2 AS before,
        $change AS change
    FROM
    (
        SELECT
            $series AS series,
            toUnixTimestamp64Nano(TimeUnix) AS time_ns,
            argMax(
                CAST(
                    (
                        [$labels],
                        toUnixTimestamp64Nano(StartTimeUnix),
                        $is_delta,
                        Count,
                        $sum,
                        $held
                    ),
                    'Tuple(
                        labels Array(String),
                        start_ns Int64,
                        is_delta Bool,
                        count Int64,
                        sum Nullable(Float64),
                        min Nullable(Float64),
                        max Nullable(Float64),
                        $type
                    )'
                ),
                IngestSegment
            ) AS now
        FROM $table
        WHERE $points
        GROUP BY series, time_ns
    )
)
WHERE time_ns >= {first_ns:Int64}
GROUP BY step, labels
ORDER BY points_of_group DESC, labels, step
LIMIT {rows:UInt32}
