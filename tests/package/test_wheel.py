"""The wheel, built and installed beside nothing of this repository, in a project that `startproject` has made."""

from __future__ import annotations

import os
import re
import tomllib
import zipfile
from functools import partial
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

import turnabout_client
from tests.kit.project import Project, fresh_database, guide
from tests.kit.site import BASE
from tests.package.story import MOST_LINES, first_jobs_are_seen_to_end


@pytest.mark.slow
def test_the_wheel_has_the_queue_and_nothing_of_the_site(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in names if not re.match(r"turnabout-[^/]+\.dist-info/", name)}
    files = (file for file in (BASE / "queueapp").rglob("*") if file.is_file() and file.parent.name != "__pycache__")
    assert ours == {file.relative_to(BASE).as_posix() for file in files}


def test_the_three_packages_have_the_version_of_the_last_notes() -> None:
    notes = re.findall(r"^## \[([0-9.]+)\] - \d{4}-\d\d-\d\d$", (BASE / "CHANGELOG.md").read_text(), re.MULTILINE)
    queue, suite = (tomllib.loads((BASE / folder / "pyproject.toml").read_text()) for folder in (".", "conformance"))
    assert {queue["project"]["version"], suite["project"]["version"], turnabout_client.__version__} == {notes[0]}


def test_the_lines_of_the_readme_are_those_of_the_guide() -> None:
    first, _, _ = (BASE / "README.md").read_text().partition("## Two commands")
    lines = {line for file in Project.added for line in guide(file).splitlines()} - {
        "",
        "from django.urls import include",
    }
    block = first.split("```python\n")[1].split("```")[0]
    assert {line for line in block.splitlines() if line and not line.startswith("#")} == lines


@pytest.mark.slow
@pytest.mark.browser
def test_a_new_project_of_a_few_lines_sees_its_first_jobs_end(wheel: Path, tmp_path: Path, browser: Browser) -> None:
    with Project(tmp_path, fresh_database(os.environ["DATABASE_URL"], "turnabout_wheel")) as project:
        project.install(f"turnabout[all] @ {wheel.as_uri()}", f"Django=={version('Django')}", "pytest", "pytest-django")
        project.start()
        project.follow_guide()
        assert project.lines <= MOST_LINES
        fixtures_are_there(project)
        first_jobs_are_seen_to_end(project, partial(submit_on_the_page, browser))


TEST = """
def test_a_job_has_its_result(run_jobs, django_user_model):
    import queueapp
    eve = django_user_model.objects.create(email="eve@example.org")
    queueapp.submit(eve, "resize", {"width": 4, "height": 3}, duration=1)
    assert [job.result for job in run_jobs()] == [{"pixels": 12}]
"""
"""A test of the project, which names no plugin."""


def fixtures_are_there(project: Project) -> None:
    """Run the project's tests, and those of one beside it that has neither Django nor the queue."""
    (project.folder / "people" / "test_jobs.py").write_text(TEST)
    assert "1 passed" in project.run("-m", "pytest", "-q", "people", DJANGO_SETTINGS_MODULE="shop.settings")
    (project.folder / "elsewhere").mkdir()
    (project.folder / "elsewhere" / "test_sums.py").write_text("def test_sums(): assert 1 + 1 == 2")
    strict = "-m", "pytest", "-q", "-W", "error", "--rootdir=elsewhere", "elsewhere"
    for command in (strict, (*strict, "-p", "no:django"), (*strict, "-p", "queueapp.pytest_plugin")):
        said = project.run(*command)
        assert "1 passed" in said
        assert "warning" not in said.lower()


def submit_on_the_page(browser: Browser, client: httpx.Client) -> None:
    """Submit a job of the project's task by the form, and see it end, as the stream tells."""
    page = browser.new_context().new_page()
    address = str(client.base_url.join("/queue/"))
    page.context.add_cookies([{"name": name, "value": value, "url": address} for name, value in client.cookies.items()])
    page.goto(address)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.get_by_label("Job id").fill("by-hand")
    page.get_by_label("Duration in seconds").fill("0.1")
    page.get_by_label("Task").select_option("resize")
    page.get_by_label("Payload, as JSON").fill('{"width": 2, "height": 2}')
    page.get_by_role("button", name="Submit job").click()
    finished = page.get_by_test_id("finished").locator('[data-job-id="by-hand"]')
    expect(finished).to_have_attribute("data-status", "succeeded")
    page.context.close()
