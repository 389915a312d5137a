"""Sandboxes and collectors for them, recordings, and a server to call, that end with their tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.databases import NO_POSTGRESQL, postgresql, postgresql_programs
from tests.instrumentation.http_echo import echo
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.functions import Function
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.instrumentation.recordings import Recording, recording


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def sandbox_of(tmp_path: Path, collector: Collector) -> Iterator[Callable[..., Sandbox]]:
    """Makes the sandbox of a function, whose layer sends to `collector` unless its environment says otherwise."""
    made: list[Sandbox] = []

    def make(handler: str, environment: dict[str, str] | None = None, **how: Any) -> Sandbox:
        chosen = {"COLDLIGHT_ENDPOINT": collector.url, **(environment or {})}
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Sandbox(Function(handler, chosen, **how), folder))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.shutdown()
        assert sandbox.deaths == []  # an extension that exits takes its function with it


@pytest.fixture
def recorded() -> Iterator[Recording]:
    with recording() as found:
        yield found


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with echo() as found:
        yield found


@pytest.fixture(scope="session")
def postgresql_port() -> Iterator[int]:
    programs = postgresql_programs()
    if programs is None:
        pytest.skip(NO_POSTGRESQL)
    with postgresql(programs) as port:
        yield port
