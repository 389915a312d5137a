coalesce(
    toUInt64OrNull(SpanAttributes['messaging.message.envelope.size']),
    toUInt64OrNull(SpanAttributes['messaging.message.body.size']),
    toUInt64OrNull(SpanAttributes['http.request.body.size'])
)
