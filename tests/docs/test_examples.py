"""Every example of the documentation: each is valid code whose names are there, and those of the guides run.

Others run next to what they show: README.md (tests/stories/test_readme.py), guides/add-to-your-project.md
(tests/package/), back-up-and-restore.md (tests/stories/test_backup.py), client.md (tests/client/test_guide.py),
django-tasks.md (tests/django_tasks/test_guide.py) and use-from-python.md (tests/lifecycle/test_guide.py).
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import queueapp
from queueapp import registry
from queueapp.conf import QueueSettings
from queueapp.models import PriorityRule
from queueapp.testing import run_jobs
from tests.kit.examples import blocks, pages, run
from tests.kit.queue import make_user
from tests.kit.site import PASSWORD, Site

OF_THE_READER = {"reports", "client"}
"""Packages that examples import and that the reader has made by the examples before."""


@pytest.mark.parametrize("page", pages())
def test_what_the_examples_of_a_page_name_is_there(page: str) -> None:
    for block in blocks(page):
        for node in ast.walk(ast.parse(block, page)):
            match node:
                case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] not in OF_THE_READER:
                    for alias in names:
                        assert hasattr(importlib.import_module(module), alias.name), ast.unparse(node)
                case ast.Attribute(value=ast.Name(id="queueapp"), attr=name):
                    assert hasattr(queueapp, name), ast.unparse(node)
                case ast.Assign(targets=[ast.Name(id="QUEUEAPP")], value=ast.Dict(keys=keys)):
                    assert {ast.literal_eval(key) for key in keys if key} <= QueueSettings.__dataclass_fields__.keys()
    for block in blocks(page, "sh"):
        subprocess.run(["sh", "-n"], input=block, text=True, check=True)


def adapted(code: str, site: Site, **users: str) -> str:
    """Return the code for this site: with its address, and other users in place of the demo accounts."""
    code = code.replace("http://127.0.0.1:8000", site.url).replace('"turnabout"', f'"{PASSWORD}"')
    for demo, user in users.items():
        code = code.replace(f'"{demo}"', f'"{user}"')
    return code


def test_submitting_from_a_program(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.user("programmer")
    page = "docs/guides/submit-from-a-program.md"
    names: dict[str, Any] = {"__name__": "guide"}
    for block in blocks(page):
        run(adapted(block, site, alice="programmer"), page, names)
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


def test_the_tutorial(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Its task is in tests/docs/primes, an app of the site as the tutorial has it. Its jobs are shorter."""
    site.user("pupil")
    site.user("other")
    page = "docs/tutorial.md"
    program, _, *steps, watch = (adapted(block, site, alice="pupil", bob="other") for block in blocks(page))
    monkeypatch.setattr(sys, "argv", ["client.py", "first"])
    for _ in range(2):
        run(program.replace('"duration": 5', '"duration": 0.1'), page, {"__name__": "__main__"})
    client = ModuleType("client")
    run(program, page, vars(client))
    monkeypatch.setitem(sys.modules, "client", client)
    names: dict[str, Any] = {"__name__": "tutorial"}
    for block in steps:
        run(block.replace("50_000_000", "100_000").replace('"duration": 1}', '"duration": 0.01}'), page, names)
    first, again, submitted, refused, *shares = capsys.readouterr().out.splitlines()
    assert (first, again.split()[0], submitted) == ("201 queued", "200", "queued")
    assert refused == "[{'field': 'payload.below', 'message': 'Input should be a valid integer'}]"
    for share in shares:
        user, _, told = share.partition(" ")
        assert ast.literal_eval(told).items() >= {"weight": 1.0, "flow": user}.items()
    seen: list[str] = []

    def note(*said: object) -> None:
        seen.append(" ".join(map(str, said[1:3])))
        if {"load-39 succeeded", "primes-1 succeeded", "primes-3 failed"} <= set(seen):
            raise Enough

    with pytest.raises(Enough):
        run(watch.replace('"other"', '"pupil"'), page, names | {"print": note})
    assert names["alice"].get("jobs/primes-1/").json()["result"] == {"primes": 9592}


def test_writing_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_tasks", {})
    page = "docs/guides/write-a-task.md"
    report = ModuleType("reports.tasks")
    monkeypatch.setitem(sys.modules, "reports.tasks", report)
    first, *others, test = blocks(page)
    run(first, page, vars(report))
    test_names: dict[str, Any] = {}
    run(test, page, test_names)
    test_names["test_report_has_its_pages"]()
    registered = registry.find_task("report")
    assert registered is not None
    assert [error.field for error in registered.payload_errors({"month": "2030-01", "pages": "3"})] == ["payload.pages"]
    saved = list[dict[str, Any]]()
    model = SimpleNamespace(objects=SimpleNamespace(update_or_create=lambda **given: saved.append(given)))
    vars(report).update(Report=model, job=queueapp.JobContext("r-1", duration=1.0, owner_id=7), month="2030-01")
    for block in others:
        run(block, page, vars(report))
    assert saved == [{"owner_id": 7, "name": "r-1", "defaults": {"month": "2030-01"}}]


@pytest.mark.django_db
def test_pausing_and_rules_from_a_program() -> None:
    page = "docs/guides/rules-and-pauses.md"
    bob = make_user("bob")
    for block in blocks(page):
        run(block, page, {"bob": bob})
    assert PriorityRule.objects.get(name="Deadline week").users.get() == bob


@pytest.mark.django_db
def test_submitting_for_a_key() -> None:
    page = "docs/guides/users-and-keys.md"
    run(
        blocks(page)[1].replace("duration=2", "duration=0.01"),
        page,
        {"request": SimpleNamespace(user=make_user("ada"))},
    )
    assert {job.data["key"] for job in run_jobs()} == {None, "team-blue"}
