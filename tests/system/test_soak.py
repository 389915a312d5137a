"""A soak that finds nothing must be one that would have found something."""

from pathlib import Path

from soak.run import Plan, soak


def test_a_new_token_on_each_attempt_is_found(tmp_path: Path) -> None:
    report = soak(
        Plan(tmp_path, lives=1, seed=1, faults=("death after an insert",), bug="a new token on each attempt")
    )
    assert report.verdict.doubled


def test_forgetting_before_the_insert_is_found(tmp_path: Path) -> None:
    bug = "segments are forgotten before they are inserted"
    report = soak(Plan(tmp_path, lives=1, seed=1, faults=("death before an insert",), bug=bug))
    assert report.verdict.lost
