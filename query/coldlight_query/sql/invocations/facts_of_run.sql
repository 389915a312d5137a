${invocations/figures_of_run},
    -- what is shown of it beside that
    max(Alias) AS alias,
    max(Architecture) AS architecture,
    max(TriggerKind) AS trigger,
    max(TriggerName) AS trigger_name,
    max(TenantId) AS tenant_id,
    groupBitOr(Sources) AS sources,
    min(Span) AS own_span,
    max(Failure) AS failure,
    max(InitType) AS init_type,
    max(BilledRestoreMs) AS billed_restore_ms,
    max(ResponseLatencyMs) AS response_latency_ms,
    max(ProducedBytes) AS produced_bytes
