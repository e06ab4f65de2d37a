"""The settings of benches, beside those of a site."""

from __future__ import annotations

import os
import subprocess
import sys

from jobsite.local import BASE

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
