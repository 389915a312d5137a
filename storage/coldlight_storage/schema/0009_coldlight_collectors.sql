-- Who has which instance number (the high 20 bits of IngestSegment): of several claims the first counts.
CREATE TABLE IF NOT EXISTS coldlight_collectors
(
    Number UInt32,
    Identity String,
    ClaimedTime DateTime64(6) DEFAULT now64(6)
) ENGINE = MergeTree
ORDER BY Number;
