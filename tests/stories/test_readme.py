"""The README's examples, run as they stand there."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.urls import include, path

import queueapp
from queueapp import registry
from queueapp.testing import run_jobs
from tests.kit.examples import Examples
from tests.kit.queue import make_user
from tests.kit.site import BASE, Site


@pytest.mark.examples("README.md", "python")
@pytest.mark.django_db
def test_the_examples_run_as_they_stand(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, examples: Examples
) -> None:
    """tests/package/ makes a project of the first one's lines."""
    lines, submission, client, task = examples
    project: dict[str, Any] = {
        "INSTALLED_APPS": list[str](),
        "urlpatterns": list[Any](),
        "path": path,
        "include": include,
    }
    lines.run(project | {"application": ASGIHandler()})
    assert len(project["urlpatterns"]) == 1
    monkeypatch.setattr(registry, "_tasks", {})
    task.run({"__name__": "readme"})
    assert registry.task_names() == ["resize"]
    submission.run({"queueapp": queueapp, "request": SimpleNamespace(user=make_user("ada"))})
    assert [job.result for job in run_jobs()] == [{"pixels": 640 * 480}]
    name, _ = site.user("readme")
    client.run({}, site, alice=name)
    assert capsys.readouterr().out.startswith("succeeded 0.5")


def test_the_worked_example_is_what_happens(no_rules: None) -> None:
    from queueapp.lifecycle.processors import register
    from queueapp.models import PriorityRule
    from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

    everyone_takes_turns()
    ada, bob, cleo = (make_user(name) for name in ("ada", "bob", "cleo"))
    PriorityRule.objects.create(name="Cleo", weight=2, position=1).users.add(cleo)
    submit_jobs(ada, *[f"a{n}" for n in range(9)])
    submit_jobs(bob, "b0", "b1")
    submit_jobs(cleo, "c0", "c1", "c2", "c3")
    row = re.search(r"^\| job \|(.*)\|$", (BASE / "README.md").read_text(), re.MULTILINE)
    assert row is not None
    assert run_all(register("c").pk, limit=8) == row.group(1).replace(" ", "").split("|")
