"""A quantity of something that AWS bills, exact: what it costs is a question to a price table."""

from dataclasses import dataclass
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Raises where a digit would be lost. Quantities are divided by powers of 2 and 10 alone, and prices have ten
decimals: 60 digits hold every product and sum of them."""

MB_PER_GB = 1024
MS_PER_S = 1000


@dataclass(frozen=True)
class Usage:
    """So much of one dimension of a service's price list, in the unit of that list.

    `why_estimated` has a sentence for each thing that was assumed; without one, all of it was reported by AWS.
    """

    service: str
    region: str
    dimension: str
    quantity: Decimal
    why_estimated: tuple[str, ...] = ()


def gb(megabytes: int) -> Decimal:
    """AWS's GB are of 1,024 MB (Lambda pricing, "1 GB = 1,024 MB")."""
    return EXACT.divide(Decimal(megabytes), MB_PER_GB)


def gb_of_bytes(size: int) -> Decimal:
    return EXACT.divide(Decimal(size), MB_PER_GB**3)


def gb_seconds(megabytes: int, milliseconds: int) -> Decimal:
    return EXACT.multiply(gb(megabytes), EXACT.divide(Decimal(milliseconds), MS_PER_S))


def chunks(size: int, chunk: int) -> int:
    """How many begun pieces of `chunk` bytes there are in `size`; at least one."""
    return max(1, -(-size // chunk))
