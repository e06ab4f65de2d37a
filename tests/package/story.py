"""The story of a new project's first jobs, for any versions of what it runs on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx
from httpx_sse import ServerSentEvent, connect_sse

from tests.kit.project import EMAIL, Project
from tests.kit.site import BASE

LOG = str(BASE / "demo" / "office-day.swf")
MOST_LINES = 15
"""Lines that a project adds to what startproject makes, at most."""
RESIZE = {"duration": 0.1, "task": "resize", "payload": {"width": 4, "height": 3}}
SUBMIT = f"""
import queueapp
from people.models import User
queueapp.submit_many(User.objects.get(), [{{"job_id": "by-python", **{RESIZE}}}])
"""


def first_jobs_are_seen_to_end(project: Project, look: Callable[[httpx.Client], None] | None = None) -> None:
    """Take a project that has followed the guide from its first migration to the end of two jobs on its page.

    `look`: is called with a client that has logged in, while the project runs.
    """
    assert "no issues" in project.run("manage.py", "check")
    project.migrate()
    browser = project.serve()
    page = browser.get("/queue/")
    assert EMAIL in page.raise_for_status().text
    with connect_sse(browser, "GET", "/queue/api/v1/events/") as stream:
        browser.post("/queue/api/v1/jobs/", json={"job_id": "by-api", **RESIZE}).raise_for_status()
        project.run("manage.py", "shell", "-c", SUBMIT)
        ended = dict(_completions(project, stream.iter_sse()))
    assert ended == {name: {"pixels": 12} for name in ("by-api", "by-python")}
    page = browser.get("/queue/")
    for name in ended:
        assert f'data-job-id="{name}" data-status="succeeded"' in page.text
    for address in ("/queue/api/v1/schema/", "/admin/queueapp/job/", "/admin/queueapp/flow/shares/"):
        browser.get(address).raise_for_status()
    assert browser.get("/queue/api/v1/jobs/", params={"nonsense": 1}).json()["errors"][0]["field"] == "nonsense"
    if look is not None:
        look(browser)
    log = project.stop()
    assert "Stopping: running jobs have" in log, "the processors say what they do without any LOGGING"
    assert "Traceback" not in log
    assert not re.search(r"queueapp/\S+: \w*Warning", log), log


def first_job_runs(project: Project) -> None:
    """Take a project without web pages from its first migration to the end of a job."""
    assert "no issues" in project.run("manage.py", "check")
    assert "CommandError: The database lacks migrations" in project.refused("manage.py", "processors")
    project.migrate()
    assert "turnabout[replay]" in project.refused("manage.py", "replay", "--speed=60", LOG)
    project.start_processors()
    project.run("manage.py", "shell", "-c", SUBMIT.replace("resize", "wait").replace(str(RESIZE["payload"]), "{}"))
    ended = "SELECT count(*) FROM queueapp_outcome WHERE status = 'succeeded'"
    while project.query(ended) != [(1,)]:
        project.check_alive()
    assert "Traceback" not in project.stop()


def _completions(project: Project, events: Iterable[ServerSentEvent], many: int = 2) -> Iterator[tuple[str, Any]]:
    """Yield the names and the results of the first jobs that end."""
    for event in events:
        project.check_alive()
        if event.event == "completed":
            yield event.json()["job_id"], event.json()["result"]
            many -= 1
            if not many:
                return
