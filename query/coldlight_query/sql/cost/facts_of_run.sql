${invocations/figures_of_run},
    -- what its price depends on beside that
    max(Architecture) AS architecture,
    max(TriggerKind) AS trigger,
    max(TenantId) AS tenant_id,
    max(InitType) AS told_init_type,
    max(ReportedMs) AS reported_ms,
    max(DoneMs) AS done_ms
