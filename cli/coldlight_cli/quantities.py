"""Sizes and durations as people write them: `64M`, `14d`.

Sizes count in powers of 1024, as the 64 MiB of the OTLP specification do; a bare number is bytes.
A duration always has its unit, because a bare number would not say which.
"""

import re
from datetime import timedelta

SIZE_UNITS = {"T": 1 << 40, "G": 1 << 30, "M": 1 << 20, "K": 1 << 10, "": 1}
DURATION_UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_SIZE = re.compile(r"([0-9]{1,18}) ?([KMGT]?)(?:iB|B)?", re.IGNORECASE)
_DURATION = re.compile(r"([0-9]{1,18}) ?(ms|[dhms])")


def parse_size(text: str) -> int:
    """`512M`, `2G`, `2GiB` or `1048576` in bytes; raises ValueError for anything else."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size: write a number and K, M, G or T, such as 512M")
    return int(found[1]) * SIZE_UNITS[found[2].upper()]


def format_size(size: int) -> str:
    """The shortest text that `parse_size` reads back as `size` bytes."""
    if size == 0:
        return "0"
    unit = next(unit for unit, bytes_ in SIZE_UNITS.items() if size % bytes_ == 0)
    return f"{size // SIZE_UNITS[unit]}{unit}"


def parse_duration(text: str) -> timedelta:
    """`14d`, `12h`, `30m`, `30s` or `200ms`; raises ValueError for anything else."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration: write a number and d, h, m, s or ms, such as 14d")
    try:
        return int(found[1]) * DURATION_UNITS[found[2]]
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than a duration can be: 999999999d") from error


def format_duration(duration: timedelta) -> str:
    """The shortest text that `parse_duration` reads back; `duration` is a whole number of milliseconds."""
    unit = next(unit for unit, length in DURATION_UNITS.items() if not duration % length)
    return f"{duration // DURATION_UNITS[unit]}{unit}"
