"""Trials of mutations, one at a time, in a copy of the tree."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from .mutations import Mutation

TREE = Path(__file__).resolve().parent.parent.parent
LONGEST = 90
"""Maximum seconds of one test: a mutation may make it wait for ever."""
_FAILED = re.compile(r"^(?:FAILED|ERROR) tests/[\w/]+\.py::(\S.*?)(?: - .*)?$", re.MULTILINE)
_MARK = "WITNESSES_RUN"
"""Environment variable that marks the processes of a test run, so that they can be found and ended."""
_SETTINGS = ("DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "HTTPS", "VAR_DIR")

_HOLD = """
import sys
from jobsite import local
(folder := local.BASE / "var" / "test").mkdir(parents=True)
local.start_database(folder)
print("started", flush=True)
sys.stdin.read()
"""


class NotFoundOnce(Exception):
    """The text that a mutation replaces is not in its file exactly once."""


class Unsound(Exception):
    """The tests prove nothing: they fail without any mutation, or pytest did not run."""


@dataclass(frozen=True)
class Verdict:
    """The result of one mutation. `caught_by`: the first test that failed; "": the mutation survived."""

    mutation: Mutation
    caught_by: str
    seconds: float


def mutated(text: str, mutation: Mutation) -> str:
    """Return the file's text with the mutation in it. Raises NotFoundOnce."""
    if (found := text.count(mutation.old)) != 1:
        raise NotFoundOnce(f"{mutation.name}: {mutation.file} has its text {found} times, not once")
    return text.replace(mutation.old, mutation.new)


@contextmanager
def copy_of_the_tree(folder: Path) -> Iterator[Path]:
    """Copy the tree below `folder`, with this virtual environment, and yield the copy. Its database server runs."""
    copy = folder / "tree"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TREE, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in {name for name in listed.stdout.split("\0") if (TREE / name).is_file()}:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TREE / name, copy / name)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    # This child process keeps the copy's database server running from one run of the tests to the next.
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD], cwd=copy, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as held:
        assert held.stdin is not None
        assert held.stdout is not None
        held.stdout.readline()
        try:
            yield copy
        finally:
            held.stdin.close()


def check_without_mutation(copy: Path, mutations: Iterable[Mutation]) -> None:
    """Run all tests of these mutations on the product as it is. Raises Unsound if one fails."""
    tests = sorted({test for mutation in mutations for test in mutation.tests})
    failed, output = _run(copy, tests)
    if failed:
        raise Unsound(f"without a mutation, {failed} fails\n{output[-3000:]}")


def try_out(copy: Path, mutation: Mutation) -> Verdict:
    """Apply a mutation to the copy, run its tests, and revert it.

    Raises NotFoundOnce, or Unsound if pytest did not run.
    """
    file, began = copy / mutation.file, time.monotonic()
    before = file.read_text()
    file.write_text(mutated(before, mutation))
    try:
        failed, _ = _run(copy, mutation.tests)
    finally:
        file.write_text(before)
    return Verdict(mutation, failed, time.monotonic() - began)


def _run(copy: Path, tests: Iterable[str]) -> tuple[str, str]:
    """Return the first test that fails ("": none) and pytest's output. Raises Unsound if pytest did not run."""
    mark = secrets.token_hex()
    environment = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "--timeout", str(LONGEST), "-p", "no:cacheprovider", *tests],
            cwd=copy, env=environment | {"PYTHONDONTWRITEBYTECODE": "1", _MARK: mark}, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        _end_all(mark)
    if done.returncode == 0:
        return "", done.stdout
    named = _FAILED.search(done.stdout)
    if named is None and "Timeout" not in done.stdout + done.stderr:
        raise Unsound(f"pytest did not run ({done.returncode})\n{(done.stdout + done.stderr)[-3000:]}")
    return named[1] if named else "a test's time limit", done.stdout


def _end_all(mark: str) -> None:
    """End the processes that a run left behind: after a time-out, or a mutation that makes processes outlive others."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(_MARK) == mark:
                process.kill()
