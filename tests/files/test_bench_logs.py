"""Benches that simulate a log run as bench/README.md has their commands: without a site, and without its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobsite.local import BASE

JOB = "{number} {submit} -1 {seconds} 1 -1 -1 1 -1 -1 1 {user} 1 1 -1 -1 -1 -1\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of three users, with a line that is no job."""
    lines = [JOB.format(number=n, submit=n, seconds=1 + n % 40, user=n % 3) for n in range(1, 600)]
    path = tmp_path / "some.swf"
    path.write_text("; a comment\nno job\n" + "".join(lines))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "bench.estimates", "--processors", "2"],
        ["-c", "import sys; from pathlib import Path; from bench.autoscale.loads import logged as load;"
         " print(len(load(Path(sys.argv[1]), 1.0)), 'jobs')"],
        ["-c", "import sys; from pathlib import Path; from bench.shards.loads import logged as load;"
         " print(len(load(Path(sys.argv[1]), 2).jobs), 'jobs')"],
    ],
    ids=["estimates", "autoscale", "shards"],
)  # fmt: skip
def test_a_log_is_read(arguments: list[str], log: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    done = subprocess.run(
        [sys.executable, *arguments, str(log)], cwd=BASE, env=kept, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "599 jobs" in done.stdout
