-- The latest of the rows that are newer than what was seen, and match; how many there are of them.
SELECT
$columns,
    count() OVER () AS matching
FROM $table
WHERE ReceivedDate >= today() - 1
    AND ($newer)
    AND NOT ($newer_still)
    AND $condition
ORDER BY time_ns DESC
LIMIT {limit:UInt32}
