"""What fuzzing has found so far (`make fuzz`) is tried on every change, without a fuzzer."""

import pytest
from fuzz.corpus import inputs_of
from fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_corpus_breaks_a_decoder(target: str) -> None:
    inputs = inputs_of(target)
    assert inputs
    for data in inputs:
        TARGETS[target](data)
