"""deploy/ agrees with the code: files in the image, settings, graces, and the names of metrics."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from queueapp import metrics
from queueapp.conf import QueueSettings
from tests.kit.site import BASE, Site

DEPLOY = BASE / "deploy"
GRACE = QueueSettings().SHUTDOWN_GRACE_SECONDS


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def one(kind: str, name: str, *files: str) -> dict[str, Any]:
    found = [d for file in files for d in documents(file) if d["kind"] == kind and d["metadata"]["name"] == name]
    assert len(found) == 1
    return found[0]


def test_the_image_has_all_files_that_the_site_needs(tmp_path: Path) -> None:
    """Copied as the Containerfile says, the site answers, and its files and pages are there."""
    for line in (DEPLOY / "Containerfile").read_text().splitlines():
        if (copied := re.fullmatch(r"COPY (\S+) (\S+)", line)) and copied[1] != "requirements.lock":
            source, target = BASE / copied[1], tmp_path / copied[2]
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target)
    site = Site("turnabout_image", 1)
    site.start(cluster=False, web=False)
    script = (
        "from django.test import Client; import jobsite.asgi; c = Client();"
        "assert c.get('/healthz').status_code == 200 and c.get('/readyz').status_code == 200;"
        "page = c.get('/login/', headers={'host': 'localhost'}); assert page.status_code == 200, page;"
        'import re; style = re.search(r\'href="(/static/[^"]+css)"\', page.text)[1];'
        "assert c.get(style, headers={'host': 'localhost'}).status_code == 200, style"
    )
    environment = site.environment | {
        "DJANGO_SETTINGS_MODULE": "jobsite.settings", "PYTHONPATH": str(tmp_path), "HTTPS": "no",
        "ALLOWED_HOSTS": "localhost",
    }  # fmt: skip
    for command in (["-c", script], ["manage.py", "check"], ["manage.py", "audit"]):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_every_setting_that_is_named_is_one() -> None:
    known = set(re.findall(r"^\| `([A-Z_]+)`", (BASE / "docs" / "reference" / "settings.md").read_text(), re.MULTILINE))
    known.add("FORWARDED_ALLOW_IPS")  # uvicorn's
    example = re.findall(r"^([A-Z_]+)=", (DEPLOY / "turnabout.env.example").read_text(), re.MULTILINE)
    units = "".join(unit.read_text() for unit in (DEPLOY / "systemd").glob("*.service"))
    given = {*example, *one("ConfigMap", "turnabout", "kubernetes/config.yaml")["data"]}
    given |= set(re.findall(r"^Environment=([A-Z_]+)=", units, re.MULTILINE))
    assert given <= known
    assert set(one("ConfigMap", "turnabout", "kubernetes/config.yaml")["data"]) <= known


def test_who_stops_processors_waits_for_longer_than_running_jobs_may_take() -> None:
    grace = float(one("ConfigMap", "turnabout", "kubernetes/config.yaml")["data"]["SHUTDOWN_GRACE_SECONDS"])
    pod = one("Deployment", "processors", "kubernetes/processors.yaml")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= grace + 10
    unit = (DEPLOY / "systemd" / "turnabout-processors.service").read_text()
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert float(seconds) >= GRACE + 10
    [compose] = documents("compose.yaml")
    assert float(compose["services"]["processors"]["stop_grace_period"].removesuffix("s")) >= GRACE + 10


def test_the_scaler_of_hosts_knows_the_bounds_of_a_host_and_the_target() -> None:
    [scaler] = documents("kubernetes/keda.yaml")
    wished, wait = (trigger["metadata"] for trigger in scaler["spec"]["triggers"])
    bounds = one("ConfigMap", "turnabout", "kubernetes/config.yaml")["data"]["PROCESSORS"]
    assert wished["threshold"] == bounds.partition("-")[2]
    assert float(wait["threshold"]) == QueueSettings().TARGET_WAIT_SECONDS


@pytest.mark.parametrize(
    "name", ["prometheus/alerts.yml", "grafana/turnabout.json", "kubernetes/keda.yaml", "../docs/guides/watch.md"]
)
def test_every_metric_that_is_named_is_one(name: str) -> None:
    there = (Path(metrics.__file__)).read_text()
    named = set(re.findall(r"turnabout_(\w+?)(?:_total|_bucket)?\b", (DEPLOY / name).read_text()))
    assert named
    assert not [metric for metric in named if f'"{metric}"' not in there and f'"turnabout_{metric}"' not in there]
