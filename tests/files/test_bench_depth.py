"""What `bench.depth --full` needs: backlogs as deep as it fills, and the statements of a claim to plan."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.plans import pages, plans
from jobsite.local import BASE
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from tests.kit.queue import everyone_takes_turns, make_owner, submit_jobs

SHOWN = """
import django
django.setup()
from queueapp.conf import queue_settings
print(queue_settings().MAX_WAITING_JOBS)
"""


def bound(**environment: str) -> int:
    """The number of jobs that one user may have waiting in a bench. 0: any number."""
    kept = {name: value for name, value in os.environ.items() if name != "MAX_WAITING_JOBS"}
    settings = kept | {"DJANGO_SETTINGS_MODULE": "bench.settings"} | environment
    done = subprocess.run(
        [sys.executable, "-c", SHOWN], cwd=BASE, env=settings, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_one_user_may_have_three_million_waiting_jobs_unless_the_environment_says_otherwise() -> None:
    """`bench.depth --full` submits to such a backlog, and `bench.throughput` to one of a million."""
    assert bound() == 0
    assert bound(MAX_WAITING_JOBS="3") == 3


@pytest.mark.django_db(transaction=True)
def test_the_hot_statements_of_a_claim_are_planned_as_they_are() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), *map(str, range(200)), duration=1)
    take_turn(register("c").pk)
    text = plans()
    for wanted in ("the next flow:", "the head of its backlog:", "taking them:", "the row of a processor:"):
        assert wanted in text
    assert "Delete on queueapp_waiting" in text
    assert "Seq Scan" not in text
    assert all(0 < read < 100 for read in pages().values()), pages()
