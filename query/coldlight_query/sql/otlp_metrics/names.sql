-- The metrics of which there are points in a stretch of time; those of one name and different kinds apart.
SELECT
    name,
    kind,
    argMax(told_unit, newest_ns) AS unit,
    argMax(told_description, newest_ns) AS description,
    groupUniqArrayArray(100)(senders) AS services,
    groupUniqArrayArray(numbers) AS temporalities,
    sum(counted) AS points,
    min(oldest_ns) AS first_ns,
    max(newest_ns) AS last_ns
FROM
(
    $names
)
GROUP BY name, kind
HAVING (name, kind) > ({after_name:String}, {after_kind:String})
ORDER BY name, kind
LIMIT {limit:UInt32}
