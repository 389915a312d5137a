-- Issues that were seen in a stretch of time, the latest first; first and last over all that is kept.
SELECT
    Fingerprint AS fingerprint,
    any(Function) AS function,
    any(Type) AS type,
    any(Frame) AS frame,
    toUnixTimestamp64Nano(min(FirstSeen)) AS first_seen_ns,
    max(Last) AS last,
    toUnixTimestamp64Nano(last.1) AS last_seen_ns,
    arraySort(groupUniqArrayArray(Versions)) AS versions,
    uniqExactMerge(Occurrences) AS occurrences,
    uniqExactMergeIf(Occurrences, Hour >= toDateTime({start_s:UInt32}) AND Hour < toDateTime({end_s:UInt32})) AS occurrences_in_range
FROM issues
WHERE $condition
GROUP BY Fingerprint
HAVING occurrences_in_range > 0
ORDER BY last_seen_ns DESC, fingerprint
LIMIT {limit:UInt32}
