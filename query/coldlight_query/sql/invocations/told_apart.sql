-- The runs of requests that may have several: `sandbox` and `run` of each of their rows. What has one request id, one sandbox
-- and one stretch of time is one run; the next begins where a start lies 20 seconds after all that was known before (ADR 18).
SELECT
    RequestHash,
    Instance,
    StartBucket,
    FunctionName,
    sandbox,
    sum(begins) OVER (PARTITION BY RequestHash, sandbox ORDER BY place, StartBucket, FunctionName, Instance ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
FROM
(
    SELECT
        *,
        max(greatest(start, ifNull(end, start))) OVER (PARTITION BY RequestHash, sandbox ORDER BY place, StartBucket, FunctionName, Instance ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS known_until,
        toUInt8(ifNull(start > known_until + INTERVAL 20 SECOND, 0)) AS begins
    FROM
    (
        -- what does not say in which sandbox it was belongs to that which was busy before, or begins sooner after
        SELECT
            *,
            multiIf(
                Instance != '', Instance,
                before.2 = '', after.2,
                after.2 = '' OR start IS NULL OR place - before.1 <= after.1 - place, before.2,
                after.2
            ) AS sandbox
        FROM
        (
            SELECT
                *,
                toUnixTimestamp64Nano(ifNull(start, told)) AS place,
                maxIf((place, Instance), Instance != '') OVER (PARTITION BY RequestHash ORDER BY place, Instance ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before,
                minIf((place, Instance), Instance != '') OVER (PARTITION BY RequestHash ORDER BY place, Instance ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS after
            FROM
            (
                SELECT RequestHash, Instance, StartBucket, FunctionName, min(Start) AS start, max(End) AS end, max(Told) AS told
                FROM invocations
                WHERE $rows AND RequestHash IN
                (
                    SELECT RequestHash
                    FROM invocations
                    WHERE $rows
                    GROUP BY RequestHash
                    HAVING ifNull(max(Start) > min(Start) + INTERVAL 20 SECOND, 0)
                        OR minIf(Instance, Instance != '') != maxIf(Instance, Instance != '')
                )
                GROUP BY RequestHash, Instance, StartBucket, FunctionName
            )
        )
    )
)
