"""What a value is, found out without asking it.

Values of the function are looked at while it runs, so none of its code may run for that: no `__str__`, `__repr__`, `__len__` or
`__iter__`, and no `isinstance`, which asks `__class__`, as lazy proxies notice. What derives from a plain type is read by that
type's own methods; of anything else, only the type's name is told.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeGuard  # novm: for the type checker alone

_OWN: dict[type, Callable[[Any], Any]] = {
    bool: bool,
    int: int.__pos__,
    float: float.__pos__,
    str: str.__str__,
    dict: dict,
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    bytes: lambda value: bytes.__add__(value, b""),
    bytearray: lambda value: bytes(bytearray.__add__(value, b"")),
}
_COLLECTIONS = (dict, list, tuple, set, frozenset)


def base_of(kind: type) -> type | None:
    """The plain type that this one is or derives from; None for anything else."""
    if kind in _OWN:
        return kind
    for base in _OWN:
        if issubclass(kind, base):
            return base
    return None


def scalar(value: Any, base: type) -> Any:
    """A string, number or bytes as the plain type itself has it, whatever a type derived from it makes of it."""
    if type(value) is base and base is not bytearray:
        return value
    return _OWN[base](value)


def is_collection(base: type | None) -> TypeGuard[type]:
    return base in _COLLECTIONS


def size(value: Any, base: Any) -> int:
    """How many items, characters or bytes there are."""
    return int(base.__len__(value))


def beginning(value: Any, base: Any, count: int) -> Any:
    """The first characters or bytes."""
    return base.__getitem__(value, slice(0, count))


def items(value: Any, base: Any) -> Iterator[Any]:
    """The items of a collection, those of a dict as pairs."""
    if base is dict:
        return iter(dict.items(value))
    found: Iterator[Any] = base.__iter__(value)
    return found


def key_text(key: Any) -> str:
    """A dict's key as JSON would have it."""
    if type(key) is str:
        return key
    if key is None or type(key) in (bool, float):
        return str(key)
    if type(key) is int and key.bit_length() < 256:
        return str(key)
    if issubclass(type(key), str):
        return str.__str__(key)
    return type_name(type(key))


def type_name(kind: type) -> str:
    """A type with its module, but for Python's own: `decimal.Decimal`, `dict`."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
