-- What each collector last told of itself; of several rows the latest counts (ADR 14).
-- ReportedTime is ClickHouse's clock, so that no collector's own decides whether it is alive; Watermark is the collector's.
CREATE TABLE IF NOT EXISTS coldlight_heartbeats
(
    Collector UInt32,
    Watermark DateTime64(9),
    JournalBytes UInt64,
    QuarantinedFiles UInt32,
    IsStopped Bool,
    ReportedTime DateTime64(3) DEFAULT now64(3)
) ENGINE = ReplacingMergeTree(ReportedTime)
ORDER BY Collector;
