"""The API against its own schema: schemathesis sends what the schema allows and what it does not, for some seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.site import BASE, Site

# A job that was cancelled is still there to be looked at: DELETE does not delete.
NOT_SO_HERE = "use_after_free"
# It never ends; tests/events/test_streams.py has it.
STREAM = "/api/v1/events/"


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Site]:
    """A site of its own with its cluster, so that jobs are also seen while they run, and after. Those of days hold the
    processors until they are cancelled."""
    site = Site("turnabout_fuzz", processors=2, SUBMISSIONS_PER_MINUTE="0", REQUESTS_PER_MINUTE="0")
    site.start()
    yield site
    site.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "staff", "but_for"),
    [
        ("una", False, NOT_SO_HERE),
        # Of the users that staff may name, no schema knows the names.
        ("boss", True, f"{NOT_SO_HERE},positive_data_acceptance"),
    ],
)
def test_the_api_does_what_its_schema_says(fuzzed: Site, name: str, staff: bool, but_for: str, tmp_path: Path) -> None:
    fuzzed.user(name, staff=staff)
    with fuzzed.client(name) as client:
        token = client.headers["Authorization"]
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{fuzzed.url}/api/v1/schema/",
            "--header", f"Authorization: {token}", "--checks", "all", "--exclude-checks", but_for,
            "--exclude-path", STREAM, "--max-examples", "5", "--max-time", "12", "--continue-on-failure", "--no-color",
            # NUL characters: tests/limits/test_limits.py has them.
            "--seed", os.environ.get("FUZZ_SEED", "1"), "--generation-database", "none",
            "--generation-allow-x00", "false",
        ],
        cwd=tmp_path, env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.kit.fuzz_hooks", "PYTHONPATH": str(BASE)},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
