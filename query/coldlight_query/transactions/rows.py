"""From rows of the store to what stitching works on."""

from collections.abc import Sequence
from typing import Any

import orjson

from coldlight_query.transactions.spans import Function, KeyRow, Ref, Span, SpanLink
from coldlight_storage import Row

_ATTRIBUTES = (
    "error.type",
    "aws.lambda.status",
    "coldlight.partial",
    "faas.invocation_id",
    "coldlight.trigger",
    "messaging.destination.name",
    "messaging.batch.message_count",
    "coldlight.link.produced",
    "coldlight.link.consumed",
    "cloud.region",
    "coldlight.step_functions.state.name",
    "coldlight.step_functions.state.retry_count",
)
_RESOURCE = (
    "faas.name",
    "faas.version",
    "faas.instance",
    "service.instance.id",
    "cloud.account.id",
    "cloud.region",
)
NAMES = {"attributes": list(_ATTRIBUTES), "resource": list(_RESOURCE)}
"""The attributes that `spans.sql` is to read."""


def key_row_from(row: Row) -> KeyRow:
    """A row of `keys.sql`."""
    ref = Ref(row["trace_id"], row["span_id"], row["kind"].lower())
    return KeyRow(row["key"], row["role"], ref, row["time_ns"], row["account"], row["region"])


def span_from(row: Row) -> Span:
    """A row of `spans.sql`."""
    kind = row["kind"].lower()
    said = dict(zip(_ATTRIBUTES, row["attributes"], strict=True))
    resource = dict(zip(_RESOURCE, row["resource"], strict=True))
    return Span(
        ref=Ref(row["trace_id"], row["span_id"], kind),
        parent_span_id=row["parent_span_id"],
        name=row["name"],
        service=row["service"],
        start_ns=row["start_ns"],
        duration_ns=row["duration_ns"],
        status=row["status_code"].lower(),
        status_message=row["status_message"],
        error_type=said["error.type"],
        function=_function(resource, row["service"] if said["faas.invocation_id"] else ""),
        version=resource["faas.version"],
        process=resource["faas.instance"] or resource["service.instance.id"],
        request_id=said["faas.invocation_id"] if kind == "server" else "",
        lambda_status=said["aws.lambda.status"],
        trigger=said["coldlight.trigger"],
        destination=said["messaging.destination.name"],
        account=resource["cloud.account.id"],
        region=said["cloud.region"] or resource["cloud.region"],
        record_count=_number(said["messaging.batch.message_count"]) or 0,
        step=said["coldlight.step_functions.state.name"],
        step_retries=_number(said["coldlight.step_functions.state.retry_count"]),
        produced=_texts(said["coldlight.link.produced"]),
        consumed=_texts(said["coldlight.link.consumed"]),
        links=tuple(map(SpanLink, row["link_trace_ids"], row["link_span_ids"], row["link_message_ids"])),
        is_partial=said["coldlight.partial"] == "true",
    )


def _function(resource: dict[str, str], service: str) -> Function | None:
    """Foreign senders may name the function as their service alone."""
    name = resource["faas.name"] or service
    return Function(resource["cloud.account.id"], resource["cloud.region"], name) if name else None


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _texts(json_text: str) -> tuple[str, ...]:
    """The strings of a JSON array; nothing where somebody wrote something else there."""
    if not json_text:
        return ()
    try:
        values: Any = orjson.loads(json_text)
    except orjson.JSONDecodeError:
        return ()
    items = values if isinstance(values, list) else []
    return tuple(item for item in items if isinstance(item, str) and item)


def without_guesses(spans: Sequence[Span]) -> list[Span]:
    """Without spans in progress whose kind was not known yet, where a row that knows it is there (as `traces` does)."""
    known = {span.ref[:2] for span in spans if span.ref.kind != "internal"}
    return [
        span
        for span in spans
        if not (span.is_partial and span.ref.kind == "internal" and span.ref[:2] in known)
    ]
