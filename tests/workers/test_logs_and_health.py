"""What a cluster tells monitoring beside the database: log lines as JSON, and its health file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.kit.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site whose cluster says what it does in JSON, and which the tests start and stop."""
    folder = tmp_path_factory.mktemp("health")
    running = Site("turnabout_logs", processors=1, LOG_FORMAT="json", HEALTH_FILE=str(folder / "alive"))
    running.start(cluster=False)
    running.user("ada")
    yield running
    running.stop()


def health_file(site: Site) -> Path:
    return Path(site.environment["HEALTH_FILE"])


def test_each_log_line_is_an_object_and_names_the_job_the_owner_and_the_attempt(site: Site) -> None:
    site.start_cluster(stderr=subprocess.PIPE)
    with site.client("ada") as api:
        api.post("jobs/", json={"job_id": "j", "task": "logs", "duration": 0.01, "payload": {"text": "two\nlines"}})
    site.wait_for("SELECT count(*) = 1 FROM queueapp_outcome")
    assert site.cluster is not None
    assert site.cluster.stderr is not None
    site.cluster.terminate()
    lines: list[dict[str, Any]] = [json.loads(line) for line in site.cluster.stderr.read().splitlines()]
    site.cluster.stderr.close()
    site.cluster.wait()
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    [[owner]] = site.query("SELECT owner_id FROM queueapp_job")
    about = {"job": "j", "owner": owner, "attempt": 1}
    [own, plain] = [line for line in lines if line["logger"] == "host.app"]
    assert (own["message"], own["job"], own["colour"]) == ("two\nlines", "one of the task's own", "blue")
    assert plain.items() >= about.items()
    [failed] = [line for line in lines if "failed: ValueError" in line["message"]]
    assert failed.items() >= about.items()
    assert "Traceback" in failed["message"]


def test_another_format_stops_the_start(site: Site) -> None:
    assert "Set LOG_FORMAT to line or json" in site.refused("manage.py", "check", LOG_FORMAT="xml")


def test_a_cluster_is_healthy_while_it_goes_round_and_not_when_it_hangs_or_has_ended(site: Site) -> None:
    assert "No cluster has given a sign of life" in site.refused("manage.py", "processors", "--check")
    site.start_cluster()
    assert site.cluster is not None
    site.until(health_file(site).exists, "it gave a sign of life")
    site.manage("processors", "--check")
    begun = time.time()
    site.until(lambda: health_file(site).stat().st_mtime > begun, "it gives signs again and again")
    psutil.Process(site.cluster.pid).suspend()
    os.utime(health_file(site), (time.time() - 61, time.time() - 61))
    assert "no sign of life for 6" in site.refused("manage.py", "processors", "--check")
    psutil.Process(site.cluster.pid).resume()
    site.until(lambda: time.time() - health_file(site).stat().st_mtime < 60, "it is well again")
    site.cluster.send_signal(signal.SIGTERM)
    assert site.cluster.wait(30) == 0
    assert not health_file(site).exists()
    site.cluster = None


def test_a_database_that_is_away_is_no_reason_to_restart_a_cluster(site: Site) -> None:
    """Its sessions are ended again and again, and it stays healthy."""
    site.start_cluster()
    site.wait_for("SELECT count(*) = 1 FROM queueapp_processor WHERE lease_until > now()")
    begun, end = time.time(), time.monotonic() + 3
    while time.monotonic() < end:
        site.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'turnabout-processors' AND datname = current_database()"
        )
        time.sleep(0.05)
    site.until(lambda: health_file(site).stat().st_mtime > begun + 2, "it gives signs meanwhile")
    site.manage("processors", "--check")


def test_a_cluster_that_waits_for_its_database_at_the_start_is_healthy(site: Site, tmp_path: Path) -> None:
    away = Site("nowhere", 1, HEALTH_FILE=str(tmp_path / "alive"), DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    away.start_cluster()
    away.until((tmp_path / "alive").exists, "it gives signs of life")
    assert away.cluster is not None
    away.cluster.kill()
    away.cluster.wait()


def test_without_a_file_the_check_says_what_to_set(site: Site) -> None:
    assert "Set HEALTH_FILE to the file" in site.refused("manage.py", "processors", "--check", HEALTH_FILE="")
    said = site.refused("manage.py", "processors", HEALTH_FILE="/nonexistent/alive")
    assert "Set HEALTH_FILE to a file that can be written" in said
