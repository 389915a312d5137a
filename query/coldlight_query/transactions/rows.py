"""From rows of the store to what stitching works on."""

from collections.abc import Sequence
from typing import Any

import orjson

from coldlight_query.transactions.spans import Function, KeyRow, Ref, Span, SpanLink
from coldlight_storage import Row


def key_row_from(row: Row) -> KeyRow:
    """A row of `keys.sql`."""
    ref = Ref(row["trace_id"], row["span_id"], row["kind"])
    return KeyRow(row["key"], row["role"], ref, row["time_ns"], row["account"], row["region"])


def span_from(row: Row) -> Span:
    """A row of `spans.sql`."""
    kind = row["kind"].lower()
    return Span(
        ref=Ref(row["trace_id"], row["span_id"], kind),
        parent_span_id=row["parent_span_id"],
        name=row["name"],
        service=row["service"],
        start_ns=row["start_ns"],
        duration_ns=row["duration_ns"],
        status=row["status_code"].lower(),
        status_message=row["status_message"],
        error_type=row["error_type"],
        function=_function(row),
        version=row["function_version"],
        process=row["sandbox"] or row["service_instance"],
        request_id=row["request_id"] if kind == "server" else "",
        lambda_status=row["lambda_status"],
        trigger=row["trigger"],
        destination=row["destination"],
        account=row["account"],
        region=row["called_region"] or row["region"],
        record_count=int(row["message_count"]) if row["message_count"].isdecimal() else 0,
        produced=_texts(row["produced"]),
        consumed=_texts(row["consumed"]),
        links=tuple(map(SpanLink, row["link_trace_ids"], row["link_span_ids"], row["link_message_ids"])),
        is_partial=row["is_partial"],
    )


def _function(row: Row) -> Function | None:
    name = row["function_name"] or (row["service"] if row["request_id"] else "")
    return Function(row["account"], row["region"], name) if name else None


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
