    -- what is counted of a run, or decides whether it is
    any(RequestId) AS request_id,
    max(FunctionName) AS told_name,
    if(told_name != '', told_name, max(ServiceName)) AS function,
    max(Account) AS told_account,
    max(Region) AS told_region,
    max(Version) AS version,
    max(ServiceVersion) AS service_version,
    max(Instance) AS instance,
    coalesce(min(SpanStart), min(Start), min(Told)) AS start,
    max(End) AS end,
    coalesce(max(ReportedMs), max(DoneMs), max(SpanMs)) AS duration_ms,
    max(BilledMs) AS billed_ms,
    max(InitMs) AS init_ms,
    max(RestoreMs) AS restore_ms,
    -- with provisioned concurrency and on Managed Instances, whoever comes first finds a sandbox that has started before
    if(init_ms IS NULL AND instance IN (${invocations/started_before}), 0, max(IsCold)) AS is_cold,
    max(TimeoutMs) AS timeout_ms,
    max(MemoryMb) AS memory_mb,
    max(MaxMemoryUsedMb) AS max_memory_used_mb,
    -- a runtime that exits with all of its memory in use has run out of it, whether or not the platform says so
    multiIf(
        max(Outcome) = 0, '',
        max(Outcome) = 1, 'success',
        max(Outcome) = 5, 'timeout',
        max(Outcome) = 4 OR max(Outcome) = 3 AND max_memory_used_mb >= memory_mb, 'out_of_memory',
        'error'
    ) AS status
