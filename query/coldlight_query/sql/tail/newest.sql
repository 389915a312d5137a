-- How far the segments of each collector go that are newer than what was seen.
SELECT max(IngestSegment) AS segment
FROM $table
WHERE ReceivedDate >= today() - 1
    AND ($newer)
GROUP BY bitShiftRight(IngestSegment, 44)
