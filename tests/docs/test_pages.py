"""The Python of pages that are no program, each beside what it is about; and the files that a reader submits."""

from __future__ import annotations

import ast
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core.handlers.asgi import ASGIHandler
from django.test import Client, TestCase
from django.urls import get_callable, path
from rest_framework_simplejwt.views import TokenObtainPairView

import queueapp
from queueapp import registry
from queueapp.conf import QueueSettings
from queueapp.db.online import OnlineMigration
from queueapp.models import Job
from queueapp.pages.task_fields import fields_of
from queueapp.testing import run_jobs
from tests.kit.examples import Examples
from tests.kit.queue import everyone_takes_turns, make_user
from turnabout_client.cli import files


@pytest.fixture
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the page's tasks are there, and forgotten after the test."""
    monkeypatch.setattr(registry, "_tasks", {})


@pytest.mark.examples("docs/guides/add-to-your-project.md", "python")
@pytest.mark.django_db
def test_the_lines_for_a_project(own_tasks: None, examples: Examples) -> None:
    """tests/package/ makes a project of them."""
    ada = make_user("ada")
    project: dict[str, Any] = {
        "INSTALLED_APPS": [], "urlpatterns": [], "path": path, "application": ASGIHandler(), "user": ada,
        "TokenObtainPairView": TokenObtainPairView,
    }  # fmt: skip
    for block in examples:
        with block.noted():
            block.run(project)
    assert len(project["urlpatterns"]) == 1
    assert [job.result for job in run_jobs()] == [{"pixels": 12}]
    QueueSettings(**project["QUEUEAPP"])
    for name in ("handler404", "handler500"):
        assert callable(get_callable(project[name]))


@pytest.mark.examples("docs/reference/settings.md", "python")
@pytest.mark.examples("docs/internals/tasks.md", "python")
def test_the_settings_are_taken(examples: Examples) -> None:
    for block in examples:
        for statement in ast.parse(block.code).body:
            assert isinstance(statement, ast.Assign)
            QueueSettings(**ast.literal_eval(statement.value))


@pytest.mark.examples("docs/guarantees.md", "python")
@pytest.mark.django_db
def test_a_task_is_called_with_the_same_key_in_each_attempt(own_tasks: None, examples: Examples) -> None:
    [block] = examples
    charged: list[str] = []

    def charge(account: str, amount: int, *, idempotency_key: str) -> None:
        charged.append(idempotency_key)
        if len(charged) == 1:
            raise ConnectionError

    names = {"task": queueapp.task, "JobContext": queueapp.JobContext, "payments": SimpleNamespace(charge=charge)}
    block.run(names)
    queueapp.submit(make_user("ada"), "charge", {"account": "7", "amount": 3}, duration=0.001, job_id="c-1")
    run_jobs()
    assert charged == ["7:c-1", "7:c-1"]


@pytest.mark.examples("docs/guides/submit-jobs.md", "python")
def test_the_form_has_the_fields_of_the_task(own_tasks: None, examples: Examples) -> None:
    [block] = examples
    block.run({"__name__": "posters"})
    poster = registry.find_task("poster")
    assert poster is not None
    assert [field.name for field in fields_of(poster)] == ["title", "copies", "paper", "colour", "sizes"]


@pytest.mark.examples("UPGRADING.md", "python")
def test_a_migration_is_made_of_the_class_for_it(examples: Examples) -> None:
    [block] = examples
    names: dict[str, Any] = {"OnlineMigration": OnlineMigration, "__name__": "migrations"}
    block.run(names)
    assert issubclass(names["Migration"], OnlineMigration)


@pytest.mark.examples("conformance/README.md", "python")
@pytest.mark.django_db
def test_the_conformance_suite_is_set_up_as_its_page_says(examples: Examples) -> None:
    settings, suite = examples
    names: dict[str, Any] = {"__name__": "test_shop"}
    settings.run(names)
    assert names["INSTALLED_APPS"][-1] in site_settings.INSTALLED_APPS
    assert site_settings.TASKS["default"].items() >= {"QUEUES": names["TASKS"]["default"]["QUEUES"]}.items()
    suite.run(names)
    backend = names["TestShopBackend"]
    assert issubclass(backend, TestCase)
    assert len(unittest.defaultTestLoader.loadTestsFromTestCase(backend)._tests) > 10


@pytest.mark.examples("docs/guides/command-line.md", "csv")
@pytest.mark.examples("docs/guides/submit-jobs.md", "csv")
@pytest.mark.django_db
def test_the_files_of_jobs_are_accepted(examples: Examples, tmp_path: Path) -> None:
    everyone_takes_turns()
    browser = Client()
    for number, block in enumerate(examples):
        browser.force_login(make_user(f"reader-{number}"))
        (tmp_path / "jobs.csv").write_text(block.code)
        jobs = list(files.read(str(tmp_path / "jobs.csv")))
        answer = browser.post("/api/v1/jobs/bulk/", {"jobs": jobs}, content_type="application/json")
        assert answer.json() == {"accepted": len(jobs), "existing": 0}
        browser.force_login(make_user(f"writer-{number}"))
        browser.post("/submit/many/", {"text": block.code, "do": "submit"})
        assert Job.objects.filter(owner__user__username=f"writer-{number}").count() == len(jobs)
