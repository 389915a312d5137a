"""A soak that finds nothing must be one that would have found something."""

from pathlib import Path

import pytest
from soak.power import Disk
from soak.run import Plan, soak


@pytest.mark.parametrize(
    ("bug", "fault", "power_losses", "finding"),
    [
        ("a new token on each attempt", "death after an insert", 0, "doubled"),
        ("segments are forgotten before they are inserted", "death before an insert", 0, "lost"),
        (
            "segments are forgotten before ClickHouse's folder is synced",
            "death after a segment is forgotten",
            1,
            "lost",
        ),
    ],
)
def test_a_planted_bug_is_found(
    tmp_path: Path, bug: str, fault: str, power_losses: float, finding: str
) -> None:
    disk = Disk(tmp_path / "disk", tmp_path)
    plan = Plan(disk, lives=1, seed=3, faults=(fault,), bug=bug, power_losses=power_losses)
    assert getattr(soak(plan).verdict, finding)
