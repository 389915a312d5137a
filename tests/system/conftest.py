"""One Coldlight on embedded ClickHouse for all system tests: starting one takes seconds."""

from collections.abc import Iterator

import pytest
from tests.system.processes import Home, Service, end_all


@pytest.fixture(scope="session", autouse=True)
def _nothing_outlives_the_tests() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A data folder and its service, with limits that a small request can pass."""
    home = Home(
        tmp_path_factory.mktemp("home"),
        "--max-request",
        "1M",
        "--max-request-decompressed",
        "4M",
        "--memory",
        "1G",
    )
    yield home
    home.stop()


@pytest.fixture
def up(home: Home) -> Service:
    """The service of `home`, running."""
    return home.service()
