"""The wheel on each Python, Django and PostgreSQL that this machine has: `make release-check`."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.kit.project import Project, fresh_database
from tests.kit.site import BASE, free_port
from tests.package.story import first_job_runs, first_jobs_are_seen_to_end

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("RELEASE_CHECK" not in os.environ, reason="make release-check runs it"),
]
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
DEBIAN = Path("/usr/lib/postgresql")
UNKIND = """
from django.db import DEFAULT_DB_ALIAS
DATABASES[DEFAULT_DB_ALIAS] |= {"ATOMIC_REQUESTS": True, "OPTIONS": {"pool": True}}
SESSION_ENGINE = "django.contrib.sessions.backends.file"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "1/day"},
}
QUEUEAPP = {"METRICS_TOKEN": "a-token-of-twenty-characters"}
Q_CLUSTER = {"name": "shop", "orm": "default", "timeout": 60, "retry": 120}
"""
"""Settings of a project that are not what the queue would have."""
ALONE = """
del ROOT_URLCONF
MIDDLEWARE = []
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "people", "queueapp", "django_q"]
INSTALLED_APPS += ["django.contrib.postgres"]
"""
"""Settings of a project without web pages."""
TASKS = """
INSTALLED_APPS += ["django_tasks_conformance"]
TASKS = {"default": {
    "BACKEND": "queueapp.django_tasks.FairBackend",
    "QUEUES": ["default", "conformance"],
    "OPTIONS": {"DURATION": 0.001},
}}
"""
"""Settings of a project that puts the backend for Django's tasks through the suite in conformance/."""
CONFORMANCE = """
from django.test import TestCase
from django_tasks_conformance import BackendConformance
from queueapp.testing import run_jobs

class TestFairBackend(BackendConformance, TestCase):
    def run_tasks(self):
        run_jobs()
"""


def pythons() -> dict[str, str]:
    """Return the programs of the Pythons that the wheel supports, by minor version."""
    programs = [*map(str, PYENV.glob("3.*/bin/python")), *(shutil.which(f"python3.{n}") or "" for n in range(11, 20))]
    found: dict[str, str] = {}
    for program in filter(None, programs):
        said = subprocess.run([program, "--version"], capture_output=True, text=True)
        minor = re.match(r"Python 3\.(\d+)", said.stdout)
        if minor and int(minor[1]) >= 11:
            found.setdefault(f"3.{minor[1]}", program)
    return found


def lowest() -> list[str]:
    """Return the packages of the wheel and its extras, each of the lowest version that it says will do."""
    project = tomllib.loads((BASE / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return [re.sub(r">=([0-9.]+).*", r"==\1", one) for one in asked if not one.startswith("turnabout")]


@contextmanager
def debian_server(programs: Path) -> Iterator[str]:
    """Run a server of Debian's PostgreSQL, which refuses to run as root. Yields its URL."""
    account = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    port = free_port()
    with TemporaryDirectory() as folder:
        shutil.chown(folder, account)

        def run(*command: str | Path) -> None:
            subprocess.run(command, check=True, user=account, cwd=folder, stdout=subprocess.DEVNULL)

        run(programs / "initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--pgdata", "data")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
        run(programs / "pg_ctl", "start", "--wait", "--pgdata", "data", "--options", options, "--log", "log")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run(programs / "pg_ctl", "stop", "--wait", "--mode=immediate", "--pgdata", "data")


def story(
    wheel: Path, folder: Path, *packages: str, python: str, server: str | None = None, settings: str = ""
) -> None:
    database = fresh_database(server or os.environ["DATABASE_URL"], "turnabout_matrix")
    with Project(folder, database) as project:
        project.install(f"turnabout[all] @ {wheel.as_uri()}", *packages, python=python)
        project.start()
        project.follow_guide()
        project.add("settings.py", settings)
        first_jobs_are_seen_to_end(project, measure if settings else None)


def measure(browser: httpx.Client) -> None:
    """Check that the metrics have the jobs."""
    answer = browser.get("/queue/metrics/", headers={"Authorization": "Bearer a-token-of-twenty-characters"})
    assert "turnabout_ends_total 2.0" in answer.raise_for_status().text


@pytest.mark.parametrize("django", ["Django~=5.2.0", "Django>=6"])
@pytest.mark.parametrize("python", pythons())
def test_python_and_django(wheel: Path, tmp_path: Path, python: str, django: str) -> None:
    if django == "Django>=6" and python == "3.11":
        pytest.skip("Django 6 needs Python 3.12")
    story(wheel, tmp_path, django, python=pythons()[python])


def test_the_backend_keeps_what_django_6_promises(wheel: Path, tmp_path: Path) -> None:
    version, newest = max(pythons().items(), key=lambda found: int(found[0].partition(".")[2]))
    if version == "3.11":
        pytest.skip("Django 6 needs Python 3.12, and there is none here")
    with Project(tmp_path, fresh_database(os.environ["DATABASE_URL"], "turnabout_tasks")) as project:
        project.install(f"turnabout[all] @ {wheel.as_uri()}", str(BASE / "conformance"), "Django>=6", python=newest)
        project.start()
        project.follow_guide()
        project.add("settings.py", TASKS)
        (project.folder / "people" / "tests.py").write_text(CONFORMANCE)
        said = project.run("manage.py", "test")
    assert re.search(r"Ran [4-9]\d tests", said)
    assert re.search(r"^OK", said, re.MULTILINE), said


def test_the_lowest_versions_of_all_packages(wheel: Path, tmp_path: Path) -> None:
    story(wheel, tmp_path, *lowest(), python=pythons()["3.11"])


@pytest.mark.parametrize("programs", sorted(DEBIAN.glob("*/bin")), ids=lambda programs: programs.parent.name)
def test_postgresql_of_debian(wheel: Path, tmp_path: Path, programs: Path) -> None:
    with debian_server(programs) as server:
        story(wheel, tmp_path, python=pythons()["3.11"], server=server)


def test_a_project_whose_settings_are_not_what_the_queue_would_have(wheel: Path, tmp_path: Path) -> None:
    story(wheel, tmp_path, "psycopg[pool]", python=pythons()["3.11"], settings=UNKIND)


def test_the_queue_alone_without_any_extra(wheel: Path, tmp_path: Path) -> None:
    with Project(tmp_path, fresh_database(os.environ["DATABASE_URL"], "turnabout_alone")) as project:
        project.install(f"turnabout @ {wheel.as_uri()}", "psycopg[binary]")
        project.start()
        project.add("settings.py", ALONE)
        first_job_runs(project)
