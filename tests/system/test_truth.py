"""Requests of made-up applications, rebuilt by a running Coldlight: all of those whose keys are exact, and nothing else."""

import time

import pytest
from benchmarks.truth.tables import CLEAN, Score, scores
from benchmarks.truth.trial import Findings, running, trial
from benchmarks.truth.wire import Flavour
from benchmarks.truth.world import Recipe, world
from tests.system.processes import Home

RECIPES = [
    *(Recipe(seed, 8) for seed in (12, 41, 44)),
    Recipe(16, 8, Flavour.PLAIN, services=("sqs", "sns", "sns-sqs-raw", "kafka", "lambda")),
]


@pytest.fixture(scope="module")
def findings(home: Home) -> Findings:
    up = home.service()
    system = running(up.otlp_http, up.query)
    return trial(system, list(map(world, RECIPES)), time.time_ns(), lambda *_: None)


def clean(findings: Findings, flavour: Flavour) -> Score:
    [found, *_] = scores(findings, flavour)
    assert found.kind == CLEAN
    return found


@pytest.mark.parametrize("flavour", Flavour)
def test_requests_whose_keys_are_exact_are_rebuilt_exactly(findings: Findings, flavour: Flavour) -> None:
    found = clean(findings, flavour)
    assert found.requests > 0
    assert (found.exact, found.false_joins) == (found.requests, 0)


def test_attempts_and_fates_are_told_as_they_were(findings: Findings) -> None:
    found = clean(findings, Flavour.LAYER)
    assert (found.wrong_attempts, found.wrong_fates, found.wrong_evidence) == (0, 0, 0)


def test_nothing_that_was_lost_makes_requests_meet(findings: Findings) -> None:
    assert sum(score.false_joins for score in scores(findings, Flavour.LAYER)) == 0


def test_any_id_leads_to_the_requests_that_it_is_part_of(findings: Findings) -> None:
    asked = [each for each in findings.entered if not each.labels]
    assert asked
    assert not [each.identifier for each in asked if each.lacks or each.exceeds]
