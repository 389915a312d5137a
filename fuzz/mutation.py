"""Mutations that keep JSON what it is: of bytes at random, hardly any get past the parser."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 0.5, 1e300, 1.0, float("nan")),
    *("", "0", "1", "-1", "1e3", "NaN", "true", "0" * 32, "f" * 16, "\ud83d", "\udfff", "\x00", "a" * 300),
    *([], {}, [[]], [{}], {"": None}),
)
"""What readers of JSON get wrong."""


def mutate_json(data: bytes, seed: int) -> bytes | None:
    """The same JSON with another value or key at one place; None where there is no JSON. What stands before it stays."""
    start = next((at for at, byte in enumerate(data) if byte in b"{["), len(data))
    try:
        document = json.loads(data[start:])
    except (ValueError, RecursionError):
        return None
    random = Random(seed)
    places = list(_places([document]))
    for _ in range(random.choice((1, 1, 2, 4))):
        random.choice(_CHANGES)(random, *random.choice(places), places)
    return data[:start] + json.dumps(document).encode()


_Place = tuple[Any, Any]
"""An object or array, and a key or index in it."""


def _places(document: Any) -> list[_Place]:
    found: list[_Place] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


def _replace(random: Random, holder: Any, key: Any, _: list[_Place]) -> None:
    if _is_there(holder, key):
        holder[key] = random.choice(VALUES)


def _copy(random: Random, holder: Any, key: Any, places: list[_Place]) -> None:
    other, place = random.choice(places)
    if _is_there(holder, key) and _is_there(other, place):
        holder[key] = json.loads(json.dumps(other[place]))


def _remove(_random: Random, holder: Any, key: Any, _: list[_Place]) -> None:
    if _is_there(holder, key):
        del holder[key]


def _repeat(random: Random, holder: Any, key: Any, places: list[_Place]) -> None:
    """One more item in an array, or a key from elsewhere in an object."""
    if not _is_there(holder, key):
        return
    value = json.loads(json.dumps(holder[key]))
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[str(random.choice(places)[1])] = value


def _is_there(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


_CHANGES: tuple[Callable[[Random, Any, Any, list[_Place]], None], ...] = (_replace, _copy, _remove, _repeat)
