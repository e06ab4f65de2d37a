"""How exact predictions are: ranges that hold as often as they promise."""

from __future__ import annotations

import random

import pytest

from queueapp.policy.accuracy import COVERAGE, FEWEST, KEPT, MAX_OPEN, Accuracy


def run(accuracy: Accuracy, chooser: random.Random, many: int, spread: float, seconds: float = 100.0) -> list[bool]:
    """Predict starts one after the other; the real ones are later by a random factor. Return which ranges held."""
    held = []
    for job in range(many):
        factors = accuracy.factors(seconds)
        factor = chooser.lognormvariate(0.2, spread)
        accuracy.predict(job, 0.0, seconds)
        accuracy.started(job, seconds * factor)
        if factors is not None:
            held.append(factors.earliest <= factor <= factors.latest)
    return held


def test_of_four_of_five_starts_the_range_holds_also_once_they_become_less_certain() -> None:
    accuracy, chooser = Accuracy(), random.Random(1)
    for spread in (0.1, 1.0, 0.3):
        held = run(accuracy, chooser, 2_000, spread)
        assert sum(held) / len(held) == pytest.approx(COVERAGE, abs=0.04)
    assert accuracy.held == pytest.approx(COVERAGE, abs=0.1)


def test_a_range_is_as_wide_as_starts_are_uncertain() -> None:
    widths = []
    for spread in (0.05, 0.8):
        accuracy = Accuracy()
        run(accuracy, random.Random(2), 1_000, spread)
        factors = accuracy.factors(100.0)
        assert factors is not None
        widths.append(factors.latest / factors.earliest)
    assert widths[0] < 1.3
    assert widths[1] > 4


def test_nothing_is_said_before_enough_is_known() -> None:
    accuracy = Accuracy()
    run(accuracy, random.Random(3), FEWEST - 1, 0.5)
    assert accuracy.factors(100.0) is None
    assert accuracy.ranges() == []
    run(accuracy, random.Random(3), 1, 0.5)
    assert accuracy.factors(100.0) is not None
    assert accuracy.held is None, "none of the ranges has been tried"


def test_each_distance_has_factors_of_its_own_and_what_is_nearer_stands_for_what_is_unknown() -> None:
    accuracy = Accuracy()
    run(accuracy, random.Random(4), 100, 0.01, seconds=5.0)
    run(accuracy, random.Random(4), 100, 1.0, seconds=300.0)
    near, far = accuracy.factors(7.0), accuracy.factors(300.0)
    assert near is not None
    assert far is not None
    assert (near.seconds, far.seconds) == (4.0, 256.0)
    assert far.latest > 2 > near.latest
    assert accuracy.factors(100.0) == near
    assert accuracy.factors(86_400.0) == far
    assert accuracy.factors(3.9) is None


def test_the_first_prediction_of_a_job_counts_and_starts_at_once_are_not_predicted() -> None:
    accuracy = Accuracy()
    accuracy.predict(1, 10.0, 20.0)
    accuracy.predict(1, 25.0, 5.0)
    accuracy.predict(2, 10.0, 0.9)
    assert accuracy.open == [1]
    accuracy.started(1, 40.0)
    assert list(accuracy._found[4]) == [1.5]


def test_what_is_kept_is_bounded() -> None:
    accuracy = Accuracy()
    for job in range(MAX_OPEN + 10):
        accuracy.predict(job, 0.0, 100.0)
    assert len(accuracy.open) == MAX_OPEN
    for job in accuracy.open:
        accuracy.started(job, 100.0)
    assert accuracy.open == []
    assert [len(found) for found in accuracy._found.values()] == [KEPT]
