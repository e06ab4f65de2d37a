"""An upgrade in the middle of a replay: old and new processors side by side, and no job notices."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queueapp.workers.outcomes import UNKNOWN_TASK
from tests.kit.site import BASE, Site

CODE = ("jobsite", "queueapp", "tests", "conformance", "docs")
HOT = ("queueapp_job", "queueapp_waiting", "queueapp_processor", "queueapp_flowstate")
MIGRATION = """
from django.db import migrations
from queueapp.db.online import OnlineMigration

class Migration(OnlineMigration):
    dependencies = [("queueapp", "{before}")]
    operations = [migrations.RunSQL("ALTER TABLE {table} ADD COLUMN added_later text NOT NULL DEFAULT 'x'")]
"""
TASK = """

@task("of-the-next-version", max_attempts=1)
def of_the_next_version(job: JobContext) -> str:
    return "run by the next version"
"""
# A function with another parameter, and its caller: neither works with the other version's.
SIGNATURE = (
    ("queueapp/db/sql/turn/take_turn.sql", "    p_processor bigint,", "    p_new text, p_processor bigint,"),
    ("queueapp/lifecycle/turn.py", '_ARGUMENTS = f"%s,', "_ARGUMENTS = f\"'new'::text, %s,"),
)


def next_version(folder: Path) -> Path:
    """Make the next version of the code in this folder: a changed function, wider tables, and a new task."""
    for name in CODE:
        shutil.copytree(BASE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(BASE / "manage.py", folder)
    for file, old, new in SIGNATURE:
        text = (folder / file).read_text()
        assert text.count(old) == 1, file
        (folder / file).write_text(text.replace(old, new))
    migrations = folder / "queueapp" / "migrations"
    for table in HOT:
        before = sorted(migrations.glob("[0-9]*.py"))[-1].stem
        number = int(before[:4]) + 1
        (migrations / f"{number:04}_later.py").write_text(MIGRATION.format(before=before, table=table))
    with (folder / "tests" / "tasks.py").open("a") as tasks:
        tasks.write(TASK)
    return folder


@pytest.fixture
def old() -> Iterator[Site]:
    site = Site("turnabout_upgrade", processors=2)
    yield site
    end(site)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Site]:
    site = Site("turnabout_upgrade", processors=3)
    site.tree = next_version(tmp_path)
    yield site
    end(site)


def end(site: Site) -> None:
    """End what a failure has left of a site."""
    for process in (site.cluster, site.web):
        if process is not None and process.poll() is None:
            site.end(process)


def replay(site: Site) -> subprocess.Popen[bytes]:
    log = str(BASE / "demo" / "office-day.swf")
    command = [sys.executable, "manage.py", "replay", log, "--speed", "2000", "--verbosity", "0"]
    return subprocess.Popen(command, cwd=site.tree, env=site.environment, stdout=subprocess.PIPE)


def await_ended(site: Site, more: int) -> None:
    """Wait until so many more jobs have ended."""
    [[now]] = site.query("SELECT count(*) FROM queueapp_outcome")
    site.wait_for("SELECT count(*) >= %s FROM queueapp_outcome", now + more)


@pytest.mark.slow
def test_a_site_is_upgraded_in_the_middle_of_a_replay(old: Site, new: Site, tmp_path: Path) -> None:
    old.start(cluster=False)
    with (tmp_path / "old.log").open("wb") as said:
        old.start_cluster(said.fileno())
    old.user("ada")
    replaying = replay(old)
    await_ended(old, 100)

    new.manage("migrate", "--verbosity", "0")
    await_ended(old, 50)  # by the old processors, with their functions, beside the new tables
    with old.client("ada") as client:
        assert client.post("jobs/", json={"job_id": "old-web", "duration": 0.01}).status_code == 201

    new.start_web()
    with new.client("ada") as client:
        jobs = [{"job_id": f"n{n}", "duration": 0.01, "task": "of-the-next-version"} for n in range(20)]
        assert client.post("jobs/bulk/", json={"jobs": jobs}).status_code == 201
    old.wait_for("SELECT count(*) > 0 FROM queueapp_waiting WHERE note = %s", UNKNOWN_TASK)
    new.start_cluster()
    new.wait_for(
        "SELECT count(*) = 20 FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id"
        " WHERE j.task = 'of-the-next-version' AND o.result = '\"run by the next version\"'"
    )
    assert replaying.poll() is None, "it was not in the middle of the replay"
    assert old.cluster is not None
    assert old.end(old.cluster) == 0
    table, _ = replaying.communicate(timeout=60)
    assert replaying.returncode == 0
    assert re.search(rb"succeeded +1,366\n", table)

    [found] = old.query(
        "SELECT count(*), count(DISTINCT job_id), min(status), max(status), max(attempt) FROM queueapp_outcome"
    )
    assert found == (1366 + 21, 1366 + 21, "succeeded", "succeeded", 1)
    assert old.query("SELECT count(*) FROM queueapp_attempt") == [(0,)]
    assert "All is well" in new.manage("audit")
    assert "All is well" in old.manage("audit")
    told = (tmp_path / "old.log").read_text()
    assert not re.search(r"ERROR|Traceback|trying again|does not exist|died", told), told
    assert "This processor has no task of-the-next-version; its jobs wait for another." in told
