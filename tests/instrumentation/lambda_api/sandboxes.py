"""Several sandboxes beside each other, which end together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.instrumentation.lambda_api.functions import Function
from tests.instrumentation.lambda_api.sandbox import Sandbox

SandboxOf = Callable[..., Sandbox]


@contextmanager
def sandboxes(folder: Path, endpoint: str) -> Iterator[SandboxOf]:
    """Makes the sandbox of a function, whose layer sends to `endpoint` unless its environment says otherwise."""
    made: list[Sandbox] = []

    def make(handler: str, environment: dict[str, str] | None = None, **how: Any) -> Sandbox:
        chosen = {"COLDLIGHT_ENDPOINT": endpoint, **(environment or {})}
        own = folder / str(len(made))
        own.mkdir()
        made.append(Sandbox(Function(handler, chosen, **how), own))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.shutdown()
        assert sandbox.deaths == []  # an extension that exits takes its function with it
