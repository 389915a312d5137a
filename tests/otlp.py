"""OTLP messages as tests read them."""

from typing import Any

from coldlight_storage.attributes import from_proto


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a resource, scope, span, event, link or log record, in Python's types (`coldlight_storage.attributes`)."""
    return {pair.key: from_proto(pair.value) for pair in of.attributes}
