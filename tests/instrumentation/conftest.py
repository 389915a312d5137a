"""Sandboxes and collectors for them, recordings, and a server to call, that end with their tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.instrumentation.http_echo import echo
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandboxes import SandboxOf, sandboxes
from tests.instrumentation.recordings import Recording, recording
from tests.postgresql import NO_POSTGRESQL, postgresql, postgresql_programs


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def sandbox_of(tmp_path: Path, collector: Collector) -> Iterator[SandboxOf]:
    with sandboxes(tmp_path, collector.url) as make:
        yield make


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
