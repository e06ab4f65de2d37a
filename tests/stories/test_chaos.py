"""The short form of bench/chaos: every kind of fault once, under load, and no promise broken."""

from __future__ import annotations

import pytest

from bench.chaos.run import Plan, run
from jobsite import local


@pytest.mark.slow
def test_no_promise_is_broken_while_everything_is_killed_once() -> None:
    plan = Plan(jobs=400, users=10, seconds=12, pause=0.3, rounds=1, calm=60, clusters=2, processors=2)
    proof = run(plan, local.BASE / "var" / "test" / "chaos")
    assert not proof.broken, proof.figures
    assert "disk full" in proof.figures["faults"]
