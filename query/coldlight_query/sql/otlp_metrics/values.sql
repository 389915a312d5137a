-- Figures of gauges and sums, one row for each group and step that has any; groups with the most points come first.
-- `increase` is null where nothing tells how much a step added.
SELECT
    step,
    labels,
    sum(added) AS increase,
    sum(total) / sum(points) AS avg,
    sum(if(is_delta, total, latest)) AS sum,
    min(lowest) AS min,
    max(highest) AS max,
    argMax(latest, latest_ns) AS last,
    sum(sum(points)) OVER (PARTITION BY labels) AS points_of_group
FROM
(
    SELECT
        intDiv(time_ns - {first_ns:Int64}, {step_ns:Int64}) AS step,
        series,
        now.labels AS labels,
        any(now.is_delta) AS is_delta,
        sum(multiIf(change = 'all', now.value, change = 'difference', now.value - before.value, NULL)) AS added,
        sum(now.value) AS total,
        count() AS points,
        min(now.value) AS lowest,
        max(now.value) AS highest,
        argMax(now.value, time_ns) AS latest,
        max(time_ns) AS latest_ns
    FROM (${otlp_metrics/sequences})
    WHERE time_ns >= {first_ns:Int64}
    GROUP BY step, series, labels
)
GROUP BY step, labels
ORDER BY points_of_group DESC, labels, step
LIMIT {rows:UInt32}
