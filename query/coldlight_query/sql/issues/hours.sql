-- How often an issue was seen, hour by hour; hours without it have no row.
SELECT
    toUnixTimestamp(Hour) * 1000000000 AS start_ns,
    uniqExactMerge(Occurrences) AS occurrences
FROM issues
WHERE Fingerprint = {fingerprint:String}
GROUP BY Hour
ORDER BY Hour
