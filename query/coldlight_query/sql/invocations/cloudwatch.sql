-- What CloudWatch's metric streams tell of functions: their own metrics, not those of a version, an alias or a mapping.
-- A point that was delivered twice counts once.
SELECT
    function,
    account,
    region,
    sumIf(total, metric = 'Throttles') AS throttles,
    countIf(metric = 'Throttles') AS throttle_points,
    maxIf(highest, metric = 'ConcurrentExecutions') AS concurrency,
    countIf(metric = 'ConcurrentExecutions') AS concurrency_points,
    maxIf(highest, metric = 'IteratorAge') AS iterator_age_ms,
    countIf(metric = 'IteratorAge') AS iterator_age_points
FROM
(
    SELECT
        JSONExtractString(Attributes['Dimensions'], 'FunctionName') AS function,
        ResourceAttributes['cloud.account.id'] AS account,
        ResourceAttributes['cloud.region'] AS region,
        splitByChar('/', MetricName)[-1] AS metric,
        TimeUnix,
        max(Sum) AS total,
        max(`ValueAtQuantiles.Value`[indexOf(`ValueAtQuantiles.Quantile`, 1)]) AS highest
    FROM otel_metrics_summary
    WHERE MetricName IN (
            'amazonaws.com/AWS/Lambda/Throttles',
            'amazonaws.com/AWS/Lambda/ConcurrentExecutions',
            'amazonaws.com/AWS/Lambda/IteratorAge'
        )
        AND TimeUnix >= fromUnixTimestamp64Nano({start_ns:Int64})
        AND TimeUnix <= fromUnixTimestamp64Nano({end_ns:Int64})
        AND JSONLength(Attributes['Dimensions']) = 1
        AND function != ''
        AND ({function:String} = '' OR function = {function:String})
    GROUP BY function, account, region, metric, TimeUnix
)
GROUP BY function, account, region
