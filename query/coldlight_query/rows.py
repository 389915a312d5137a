"""From rows of the store to the answers of the API."""

from collections.abc import Callable, Sequence
from itertools import chain, repeat
from typing import Any

from coldlight_query import cursors
from coldlight_storage import Row
from coldlight_storage.attributes import KeyValues, Value, decode_pairs, decode_value, to_otlp, to_plain

Render = Callable[[Value], Any]

RENDER: dict[str, Render] = {"plain": to_plain, "otlp": to_otlp}
"""By the value of the `attributes` parameter: how one attribute value is written."""


LOG_ID = "log"
"""As a log record's id is the cursor of its place."""


def span_from_row(row: Row, render: Render) -> dict[str, Any]:
    """`models.Span` of a row of `traces/spans.sql`."""
    return {
        "span_id": row["span_id"],
        "parent_span_id": row["parent_span_id"] or None,
        "name": row["name"],
        "kind": row["kind"].lower(),
        "service": row["service"],
        "start_time_unix_nano": row["start_ns"],
        "duration_ns": row["duration_ns"],
        "status": {"code": row["status_code"].lower(), "message": row["status_message"]},
        "attributes": _attributes(row, "attribute", render),
        "resource": _attributes(row, "resource", render),
        "scope": _scope(row, render),
        "events": _events(row, render),
        "links": _links(row, render),
        "trace_state": row["trace_state"],
        "flags": row["flags"],
        "dropped_attributes_count": row["dropped_attributes_count"],
        "dropped_events_count": row["dropped_events_count"],
        "dropped_links_count": row["dropped_links_count"],
        "resource_schema_url": row["resource_schema_url"],
        "resource_dropped_attributes_count": row["resource_dropped_attributes_count"],
    }


def log_from_row(row: Row, render: Render) -> dict[str, Any]:
    """`models.LogRecord` of a row with the columns of `logs/columns.sql`."""
    return {
        "id": cursors.encode(LOG_ID, row["time_ns"], row["tie"]),
        "time_unix_nano": row["time_ns"],
        "observed_time_unix_nano": row["observed_ns"],
        "trace_id": row["trace_id"],
        "span_id": row["span_id"] or None,
        "flags": row["flags"],
        "severity_number": row["severity_number"],
        "severity_text": row["severity_text"],
        "event_name": row["event_name"],
        "service": row["service"],
        "body": render(decode_value(row["body_text"], row["body_type"])),
        "attributes": _attributes(row, "attribute", render),
        "resource": _attributes(row, "resource", render),
        "scope": _scope(row, render),
        "dropped_attributes_count": row["dropped_attributes_count"],
        "resource_schema_url": row["resource_schema_url"],
        "resource_dropped_attributes_count": row["resource_dropped_attributes_count"],
    }


def summary_from_row(row: Row) -> dict[str, Any]:
    """`models.TraceSummary` of a row of `traces/summaries.sql`."""
    has_parent, _, span_id, service, name, status = row["root"]
    return {
        "trace_id": row["trace_id"],
        "start_time_unix_nano": row["start_ns"],
        "duration_ns": row["end_ns"] - row["start_ns"],
        "span_count": row["span_count"],
        "error_count": row["error_count"],
        "root": {
            "span_id": span_id,
            "service": service,
            "name": name,
            "status": status.lower(),
            "received": not has_parent,
        },
    }


def has_repeated_key(row: Row) -> bool:
    """Whether attributes of a span, its resource, scope, events or links have a key twice, against OpenTelemetry's rule."""
    groups = (
        row["attribute_keys"],
        row["resource_keys"],
        row["scope_keys"],
        *row["event_keys"],
        *row["link_keys"],
    )
    return any(len(set(keys)) < len(keys) for keys in groups)


def _attributes(row: Row, of: str, render: Render) -> dict[str, Any]:
    return _render(decode_pairs(row[f"{of}_keys"], row[f"{of}_texts"], row[f"{of}_types"]), render)


def _render(attributes: KeyValues, render: Render) -> dict[str, Any]:
    return {key: render(value) for key, value in attributes.pairs}


def _scope(row: Row, render: Render) -> dict[str, Any]:
    return {
        "name": row["scope_name"],
        "version": row["scope_version"],
        "attributes": _attributes(row, "scope", render),
        "schema_url": row["scope_schema_url"],
        "dropped_attributes_count": row["scope_dropped_attributes_count"],
    }


def _events(row: Row, render: Render) -> list[dict[str, Any]]:
    columns = (row["event_times_ns"], row["event_names"], row["event_keys"], row["event_texts"])
    own = (_own(row["event_types"], ""), _own(row["event_dropped_attributes_counts"], 0))
    return [
        {
            "name": name,
            "time_unix_nano": time_ns,
            "attributes": _render(decode_pairs(keys, texts, types), render),
            "dropped_attributes_count": dropped,
        }
        for time_ns, name, keys, texts, types, dropped in zip(*columns, *own, strict=False)
    ]


def _links(row: Row, render: Render) -> list[dict[str, Any]]:
    names = ("link_trace_ids", "link_span_ids", "link_trace_states", "link_keys", "link_texts")
    columns = (row[name] for name in names)
    own = (
        _own(row["link_types"], ""),
        _own(row["link_flags"], 0),
        _own(row["link_dropped_attributes_counts"], 0),
    )
    return [
        {
            "trace_id": trace_id,
            "span_id": span_id,
            "trace_state": trace_state,
            "attributes": _render(decode_pairs(keys, texts, types), render),
            "flags": flags,
            "dropped_attributes_count": dropped,
        }
        for trace_id, span_id, trace_state, keys, texts, types, flags, dropped in zip(
            *columns, *own, strict=False
        )
    ]


def _own(column: Sequence[Any], default: Any) -> Any:
    """A column of our own, which is empty in rows of other writers."""
    return chain(column, repeat(default))
