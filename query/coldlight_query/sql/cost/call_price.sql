    region,
    service,
    method,
    attributes,
    items,
    duration_ms
