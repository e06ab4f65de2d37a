"""The guides' and other pages' Python runs, as a reader pastes it.

Guides with more to them have a test beside what they show: tests/client/, tests/django_tasks/, tests/lifecycle/,
tests/notices/ (test_guide.py each), tests/package/, tests/stories/test_readme.py.
"""

from __future__ import annotations

import ast
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.urls import include, path

import queueapp
from queueapp import registry
from queueapp.models import PriorityRule
from queueapp.testing import run_jobs
from tests.docs.commands import why_not
from tests.kit.examples import Examples, blocks_of
from tests.kit.queue import make_user
from tests.kit.site import Site


def execute(code: str, page: str, names: dict[str, Any]) -> None:
    exec(compile(code, page, "exec"), names)


@pytest.fixture
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the page's tasks are there, and forgotten after the test."""
    monkeypatch.setattr(registry, "_tasks", {})


@pytest.mark.examples("docs/guides/submit-from-a-program.md", "python")
def test_submitting_from_a_program(site: Site, capsys: pytest.CaptureFixture[str], examples: Examples) -> None:
    site.user("programmer")
    names: dict[str, Any] = {"__name__": "guide"}
    for block in examples:
        block.run(names, site, alice="programmer")
    names["all_of"]("cancel", all=True)
    assert names["ended"]("report-2030-01")["finished_at"]
    number, job = next(names["completions"](0))
    assert number > 0
    assert names["ended"](job["job_id"])["finished_at"] == job["finished_at"]
    status, bulk, cancelled, retried = capsys.readouterr().out.splitlines()
    assert status in {"queued", "running"}
    assert bulk == "{'accepted': 5000, 'existing': 0}"
    assert 0 < int(retried) <= int(cancelled) <= 5000


class Enough(Exception):
    """A stream, which goes on for ever, has told what the test waits for."""


@pytest.mark.examples("docs/tutorial.md", "python")
@pytest.mark.examples("docs/tutorial.md", "console")
def test_the_tutorial(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], examples: Examples
) -> None:
    """Its task is in tests/docs/primes, an app of the site as the tutorial has it. Its jobs are shorter."""
    site.user("pupil")
    site.user("other")
    page = "docs/tutorial.md"
    program, _, *steps, watch = (
        block.here(site, alice="pupil", bob="other") for block in examples if block.info == "python"
    )
    sessions = [line for block in examples if block.info == "console" for line in block.code.splitlines()]
    assert {line for line in sessions if line.startswith("$") and not why_not(line[2:])} == {"$ python client.py first"}
    monkeypatch.setattr(sys, "argv", ["client.py", "first"])
    for _ in range(2):
        execute(program.replace('"duration": 5', '"duration": 0.1'), page, {"__name__": "__main__"})
    client = ModuleType("client")
    execute(program, page, vars(client))
    monkeypatch.setitem(sys.modules, "client", client)
    names: dict[str, Any] = {"__name__": "tutorial"}
    for block in steps:
        execute(block.replace("50_000_000", "100_000").replace('"duration": 1}', '"duration": 0.01}'), page, names)
    first, again, submitted, refused, *shares = capsys.readouterr().out.splitlines()
    assert (first, again.split()[0], submitted) == ("201 queued", "200", "queued")
    assert [line.split()[0] for line in sessions[sessions.index("$ python client.py first") :][1:4:2]] == ["201", "200"]
    assert refused == "[{'field': 'payload.below', 'message': 'Input should be a valid integer'}]"
    shown = dict(
        line.split(" ", 1) for block in blocks_of(page, "text") for line in block.code.splitlines() if "{'" in line
    )
    for share, demo in zip(shares, ("alice", "bob"), strict=True):
        user, _, told = share.partition(" ")
        assert ast.literal_eval(told).items() >= {"weight": 1.0, "flow": user}.items()
        assert ast.literal_eval(told).keys() == ast.literal_eval(shown[demo]).keys()
    seen: list[str] = []

    def note(*said: object) -> None:
        seen.append(" ".join(map(str, said[1:3])))
        if {"load-39 succeeded", "primes-1 succeeded", "primes-3 failed"} <= set(seen):
            raise Enough

    with pytest.raises(Enough):
        execute(watch.replace('"other"', '"pupil"'), page, names | {"print": note})
    assert names["alice"].get("jobs/primes-1/").json()["result"] == {"primes": 9592}


@pytest.mark.examples("docs/guides/write-a-task.md", "python")
def test_writing_a_task(own_tasks: None, monkeypatch: pytest.MonkeyPatch, examples: Examples) -> None:
    report = ModuleType("reports.tasks")
    monkeypatch.setitem(sys.modules, "reports.tasks", report)
    first, *others, test = examples
    first.run(vars(report))
    test_names: dict[str, Any] = {}
    test.run(test_names)
    test_names["test_report_has_its_pages"]()
    registered = registry.find_task("report")
    assert registered is not None
    assert [error.field for error in registered.payload_errors({"month": "2030-01", "pages": "3"})] == ["payload.pages"]
    saved = list[dict[str, Any]]()
    model = SimpleNamespace(objects=SimpleNamespace(update_or_create=lambda **given: saved.append(given)))
    vars(report).update(Report=model, job=queueapp.JobContext("r-1", duration=1.0, owner_id=7), month="2030-01")
    for block in others:
        block.run(vars(report))
    assert saved == [{"owner_id": 7, "name": "r-1", "defaults": {"month": "2030-01"}}]


@pytest.mark.examples("docs/guides/rules-and-pauses.md", "python")
@pytest.mark.django_db
def test_pausing_and_rules_from_a_program(examples: Examples) -> None:
    bob = make_user("bob")
    for block in examples:
        block.run({"bob": bob})
    assert PriorityRule.objects.get(name="Deadline week").users.get() == bob


@pytest.mark.examples("docs/guides/users-and-keys.md", "python")
@pytest.mark.django_db
def test_users_of_a_project_and_keys(examples: Examples) -> None:
    settings, submission = examples
    names: dict[str, Any] = {"path": path, "include": include}
    settings.run(names)
    assert "queueapp" in names["INSTALLED_APPS"]
    assert [str(pattern.pattern) for pattern in names["urlpatterns"]] == ["work/queue/"]
    submission.run({"request": SimpleNamespace(user=make_user("ada"))})
    assert {job.data["key"] for job in run_jobs()} == {None, "team-blue"}
