-- What a point says beyond the one before it (OpenTelemetry, metrics data model, "Resets and Gaps"): 'all' it has, where it is
-- a delta, or the first since a known start; the 'difference' to the one before; or 'none', where it is the first that is known of a
-- sequence that began at an unknown time, or before the points that were read.
multiIf(
    now.is_delta, 'all',
    before_ns = 0, if(now.start_ns >= {read_ns:Int64} AND now.start_ns < time_ns, 'all', 'none'),
    now.start_ns > before.start_ns, if(now.start_ns < time_ns, 'all', 'none'),
    $fell, 'all',
    'difference'
)
