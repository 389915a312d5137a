"""Many examples of a Hypothesis strategy at once, for tests in which one INSERT costs more than all of them."""

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")


def examples(strategy: st.SearchStrategy[T], count: int = 100) -> list[T]:
    """Up to `count` of them: others in each run, and no two the same."""
    found: list[T] = []
    unhurried = settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @unhurried
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found
