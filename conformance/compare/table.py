"""Puts backends through the suite, and prints a table of what each keeps: make conformance.

Writes conformance/results/table.md. Exits with 1 if FairBackend does not keep all that it supports.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

BASE = Path(__file__).resolve().parents[2]
RESULTS = BASE / "conformance" / "results" / "table.md"
BACKENDS = {
    "ImmediateBackend": "django_tasks.backends.immediate.ImmediateBackend",
    "DummyBackend": "django_tasks.backends.dummy.DummyBackend",
    "django-tasks-db": "django_tasks_db.DatabaseBackend",
    "FairBackend": "queueapp.django_tasks.FairBackend",
}
Verdicts = Mapping[str, tuple[str, str]]
"""By test: yes, no or -, and why."""


def verdicts(backend: str) -> Verdicts:
    """Run the suite with this backend, and return what came of each test."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-q", "--ds=conformance.compare.settings", f"--junitxml={report}",
                "conformance/compare/test_backend.py",
            ],
            cwd=BASE, env=os.environ | {"CONFORMANCE_BACKEND": backend}, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode > 1:
            sys.exit(done.stdout + done.stderr)
        found: dict[str, tuple[str, str]] = {}
        for case in ElementTree.parse(report).iter("testcase"):
            verdict = _verdict(case)
            if found.get(case.get("name", ""), ("yes",))[0] != "no":
                found[case.get("name", "")] = verdict
        return found


def _verdict(case: ElementTree.Element) -> tuple[str, str]:
    for tag, verdict in (("failure", "no"), ("error", "no"), ("skipped", "-")):
        if (why := case.find(tag)) is not None:
            text = why.get("message", "").strip()
            return verdict, text.partition("\n")[0][:160]
    return "yes", ""


def table(found: Mapping[str, Verdicts]) -> Iterable[str]:
    """Yield the lines of the table, and of its notes."""
    yield f"Django {version('Django')}, django-tasks {version('django-tasks')}, django-tasks-db"
    yield f"{version('django-tasks-db')}. `yes`: it is so; `no`: it is not; `-`: the backend says that it does not"
    yield "support it, or it runs no tasks, or runs them in `enqueue()`, so that there is nothing to see."
    yield ""
    yield f"| promise | {' | '.join(found)} |"
    yield f"| --- |{' --- |' * len(found)}"
    for test in next(iter(found.values())):
        words = test.removeprefix("test_").replace("_", " ")
        yield f"| {words} | {' | '.join(verdicts[test][0] for verdicts in found.values())} |"
    kept = (sum(verdict == "yes" for verdict, _ in verdicts.values()) for verdicts in found.values())
    yield f"| **kept, of {len(next(iter(found.values())))}** | {' | '.join(map(str, kept))} |"
    for name, results in found.items():
        broken = {test: why for test, (verdict, why) in results.items() if verdict == "no"}
        if broken:
            yield from ["", f"{name}:", ""]
            for test, why in broken.items():
                yield f"- *{test.removeprefix('test_').replace('_', ' ')}*: `{why}`"


def main() -> int:
    """Return the exit code."""
    found = {name: verdicts(path) for name, path in BACKENDS.items()}
    lines = "\n".join(table(found))
    print(lines)
    RESULTS.write_text(f"# What backends keep\n\n{lines}\n")
    return int(any(verdict == "no" for verdict, _ in found["FairBackend"].values()))


if __name__ == "__main__":
    sys.exit(main())
