"""The wheel, built and installed beside nothing of this repository, in a project that `startproject` has made."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from httpx_sse import ServerSentEvent, connect_sse

from tests.kit.project import EMAIL, UV, Project, fresh_database
from tests.kit.site import BASE

pytestmark = pytest.mark.slow
MOST_LINES = 15
RESIZE = {"duration": 0.1, "task": "resize", "payload": {"width": 4, "height": 3}}
SUBMIT = f"""
import queueapp
from people.models import User
queueapp.submit(User.objects.get(), {{"job_id": "by-python", **{RESIZE}}})
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from an sdist as an installer would."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, "build", "--quiet", "--out-dir", folder, BASE], check=True)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def project(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that has followed the guide."""
    database = fresh_database(os.environ["DATABASE_URL"], "turnabout_wheel")
    with Project(tmp_path_factory.mktemp("project"), database) as made:
        made.install(f"turnabout[all] @ {wheel.as_uri()}", f"Django=={version('Django')}")
        made.start()
        made.follow_guide()
        yield made


def test_the_wheel_has_the_queue_and_nothing_of_the_site(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name for name in names if not re.match(r"turnabout-[^/]+\.dist-info/", name)}
    tracked = subprocess.run(["git", "ls-files", "queueapp"], cwd=BASE, check=True, capture_output=True, text=True)
    assert ours == set(tracked.stdout.split())


def test_a_job_of_a_new_project_is_seen_to_end_on_its_page(project: Project) -> None:
    assert project.lines <= MOST_LINES
    assert "no issues" in project.run("manage.py", "check")
    project.migrate()
    browser = project.serve()
    page = browser.get("/queue/")
    assert EMAIL in page.raise_for_status().text
    with connect_sse(browser, "GET", "/queue/api/v1/events/") as stream:
        browser.post("/queue/api/v1/jobs/", json={"job_id": "by-api", **RESIZE}).raise_for_status()
        project.run("manage.py", "shell", "-c", SUBMIT)
        ended = dict(completions(stream.iter_sse()))
    assert ended == {name: {"pixels": 12} for name in ("by-api", "by-python")}
    page = browser.get("/queue/")
    for name in ended:
        assert f'data-job-id="{name}" data-status="succeeded"' in page.text
    for address in ("/queue/api/v1/schema/", "/admin/queueapp/job/", "/admin/queueapp/flow/shares/"):
        browser.get(address).raise_for_status()
    assert browser.get("/queue/api/v1/jobs/", params={"nonsense": 1}).json()["errors"][0]["field"] == "nonsense"
    log = project.stop()
    assert "Traceback" not in log
    assert "Warning" not in log


def completions(events: Iterable[ServerSentEvent], many: int = 2) -> Iterator[tuple[str, Any]]:
    """Yield the names and the results of the first jobs that end."""
    for event in events:
        if event.event == "completed":
            yield event.json()["job_id"], event.json()["result"]
            many -= 1
            if not many:
                return
