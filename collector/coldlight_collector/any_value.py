"""Plain Python values written into OTLP messages of any descriptor pool, in place."""

from collections.abc import Mapping
from typing import Any

Plain = str | bytes | bool | int | float | list[Any] | dict[str, Any] | None

_INT64 = range(-(2**63), 2**63)


def add_attributes(attributes: Any, values: Mapping[str, Plain]) -> None:
    """Appends one attribute for each entry that has a value: what is unknown is absent."""
    for key, value in values.items():
        if value is not None:
            set_value(attributes.add(key=key).value, value)


def set_value(target: Any, value: Plain) -> None:
    """Sets an empty `AnyValue`; an integer beyond 64 bits becomes a double, as JSON's readers have it."""
    match value:
        case bool():
            target.bool_value = value
        case str():
            target.string_value = value
        case int() if value in _INT64:
            target.int_value = value
        case int() | float():
            target.double_value = value
        case bytes():
            target.bytes_value = value
        case list():
            target.array_value.SetInParent()
            for item in value:
                set_value(target.array_value.values.add(), item)
        case dict():
            target.kvlist_value.SetInParent()
            for key, item in value.items():
                set_value(target.kvlist_value.values.add(key=key).value, item)
