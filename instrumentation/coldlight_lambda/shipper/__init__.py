"""The shipper: takes what the recorder hands over and what the platform tells, and posts both to the collector.

It runs as a Lambda extension, a process of its own (`python3 -m coldlight_lambda.shipper`), or as a thread of the
function's process (`threads`). The way of the data:

    ears      frames of the recorder and batches of the Telemetry API, from loopback
    ledger    what is known of each invocation: completes those that died, names the trace of every log line
    outbox    what waits to be sent, in bounded memory
    sender    OTLP over HTTP, with patience, retries and a circuit breaker
    pace      whether an invocation's end waits for that, or the next invocation's time is used

`station` is where they meet, `extension` speaks with the platform. Standard library only, and little of it: an extension's
start is a part of every cold start.
"""
