-- Rows of requests, each with the number of its run (`sandbox`, `run`): what has one request id, one sandbox and one stretch of
-- time is one run. A run begins where a start is known that lies 20 seconds after all that was known before (ADR 18).
SELECT
    *,
    sum(begins) OVER (PARTITION BY RequestId, sandbox ORDER BY place, StartBucket, FunctionName ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
FROM
(
    SELECT
        *,
        max(greatest(Start, ifNull(End, Start))) OVER (PARTITION BY RequestId, sandbox ORDER BY place, StartBucket, FunctionName ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS known_until,
        toUInt8(ifNull(Start > known_until + INTERVAL 20 SECOND, 0)) AS begins
    FROM
    (
        -- what does not say in which sandbox it was belongs to that which was busy before, or begins sooner after
        SELECT
            *,
            multiIf(
                Instance != '', Instance,
                before.2 = '', after.2,
                after.2 = '' OR Start IS NULL, before.2,
                place - before.1 <= after.1 - place, before.2,
                after.2
            ) AS sandbox
        FROM
        (
            SELECT
                *,
                toUnixTimestamp64Nano(ifNull(Start, Told)) AS place,
                maxIf((place, Instance), Instance != '') OVER (PARTITION BY RequestId ORDER BY place, Instance ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before,
                minIf((place, Instance), Instance != '') OVER (PARTITION BY RequestId ORDER BY place, Instance ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS after
            FROM invocations FINAL
            WHERE $rows
        )
    )
)
