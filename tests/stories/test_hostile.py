"""The short form of bench/hostile: tasks that misbehave, among good jobs of others that share their turns."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jobsite import local


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_misbehaving_task_harms_the_jobs_of_others() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.hostile", "--short"],
        cwd=local.BASE, env=os.environ | {"VAR_DIR": str(local.BASE / "var" / "test")}, capture_output=True, text=True,
    )  # fmt: skip
    broken = [line for line in done.stdout.splitlines() if "BROKEN" in line]
    assert done.returncode == 0, "\n".join(broken) or done.stdout + done.stderr
