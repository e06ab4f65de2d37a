"""The short form of bench/powerloss, and what it takes for a loss."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from bench.histories.history import read
from bench.powerloss.proof import Kept, compare
from jobsite import local
from tests.stories.test_histories import asked, did, told


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="the library that keeps the copy is compiled with gcc")
def test_nothing_acknowledged_is_missing_after_a_loss_of_power() -> None:
    short = ["--jobs", "400", "--users", "4", "--seconds", "6", "--losses", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.powerloss", *short],
        cwd=local.BASE, env=dict(os.environ), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("loss-") == 4


def lost(until: float, outcomes: dict[str, tuple[str, int]], *there: str) -> Kept:
    """What is said of a run in which a1 was submitted, ended and was told; a2 cancelled; a3 cancelled and retried."""
    operations = [
        *asked(1, "ann", "a1", "a2", "a3"),
        *did(2, "read", "ann", "a1", "succeeded"),
        told(3, "ann", 1, "a1"),
        *did(4, "cancel", "ann", "a2", "cancelled"),
        *did(4.5, "cancel", "ann", "a3", "cancelled"),
        told(4.6, "ann", 3, "a3", "cancelled"),
        *did(5, "retry", "ann", "a3", "queued"),
    ]
    return compare(read(map(json.dumps, operations)), until, outcomes, set(there))


def test_what_was_acknowledged_later_may_be_missing() -> None:
    assert lost(1, {}).missing == []
    assert lost(2.5, {}, "a1", "a2", "a3").missing == []


def test_an_outcome_that_only_a_look_has_shown_may_be_undone_and_is_counted() -> None:
    assert lost(2.5, {}, "a1", "a2", "a3").undone == 1


def test_what_was_acknowledged_or_told_before_must_be_there() -> None:
    assert len(lost(2, {}, "a1", "a2").missing) == 1
    assert len(lost(3.5, {}, "a1", "a2", "a3").missing) == 1
    assert len(lost(3.5, {"a1": ("succeeded", 2)}, "a1", "a2", "a3").missing) == 1
    ended = {"a1": ("succeeded", 1)}
    assert lost(3.5, ended, "a1", "a2", "a3").missing == []
    assert len(lost(4.2, ended, "a1", "a2", "a3").missing) == 1
    ended |= {"a2": ("cancelled", 2)}
    assert len(lost(4.7, ended, "a1", "a2", "a3").missing) == 2
    ended |= {"a3": ("cancelled", 3)}
    assert lost(4.7, ended, "a1", "a2", "a3").missing == []
    assert len(lost(6, ended, "a1", "a2", "a3").missing) == 1
