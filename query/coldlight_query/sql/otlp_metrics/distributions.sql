-- Figures of histograms and summaries, one row for each group and step that has any; groups with the most points come first.
-- `count`, `sum` and `distribution` are of what a step added, null or empty where nothing tells.
SELECT
    intDiv(time_ns - {first_ns:Int64}, {step_ns:Int64}) AS step,
    now.labels AS labels,
    sum(multiIf(change = 'all', now.count, change = 'difference', now.count - before.count, NULL)) AS count,
    sum(multiIf(change = 'all', now.sum, change = 'difference', now.sum - before.sum, NULL)) AS sum,
    min(if(change = 'all', now.min, NULL)) AS min,
    max(if(change = 'all', now.max, NULL)) AS max,
    $distribution AS distribution,
    sum(count()) OVER (PARTITION BY labels) AS points_of_group
FROM (${otlp_metrics/sequences})
WHERE time_ns >= {first_ns:Int64}
GROUP BY step, labels
ORDER BY points_of_group DESC, labels, step
LIMIT {rows:UInt32}
