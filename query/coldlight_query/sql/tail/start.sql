-- The newest segment of each collector, of yesterday and today: what is beyond them is new.
SELECT max(IngestSegment) AS segment
FROM $table
WHERE ReceivedDate >= today() - 1
    AND IngestSegment > 0
GROUP BY bitShiftRight(IngestSegment, 44)
