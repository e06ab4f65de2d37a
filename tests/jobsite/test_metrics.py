"""/metrics of a real web server, read as Prometheus reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.kit.site import Site, free_port

TOKEN = "a-token-for-the-scraper"
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def watched() -> Iterator[Site]:
    running = Site("turnabout_metrics", processors=2, METRICS_TOKEN=TOKEN)
    running.start()
    running.user("ada")
    yield running
    running.stop()


def scrape(url: str) -> Figures:
    answer = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).raise_for_status()
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name.removeprefix("turnabout_"), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def figure(found: Figures, name: str, **labels: str) -> float:
    """The figure; NaN, which equals nothing, if it is not there."""
    return found.get((name, frozenset(labels.items())), math.nan)


def test_the_figures_are_those_of_the_queue(watched: Site) -> None:
    first = scrape(watched.url)
    assert figure(first, "database_up") == 1
    assert figure(first, "processors_alive") == figure(first, "processors_wished") == 2
    assert not [name for name, labels in first if name == "outcomes_total"], "they count from the first scrape on"
    with watched.client("ada") as api:
        jobs = [{"job_id": f"quick-{n}", "duration": 0.01} for n in range(5)]
        jobs += [{"job_id": "bad", "duration": 0.01, "task": "fail", "payload": {"how": "refuse"}}]
        jobs += [{"job_id": f"long-{n}", "duration": 60.0, "task": "nap", "payload": {"seconds": 60}} for n in range(3)]
        jobs += [{"job_id": "later", "duration": 0.01, "run_at": "2100-01-01T00:00:00Z"}]
        api.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
        watched.wait_for("SELECT count(*) = 6 FROM queueapp_outcome")
        watched.wait_for("SELECT count(*) = 2 FROM queueapp_processor WHERE job_id IS NOT NULL")
        found: Figures = {}

        def counted() -> bool:
            found.clear()
            found.update(scrape(watched.url))
            return figure(found, "outcomes_total", task="wait", status="succeeded") == 5

        watched.until(counted, "all that ended is counted")
        queue = api.get("queue/").json()
        assert figure(found, "queued_jobs") == queue["waiting_count"] == 2
        assert figure(found, "not_due_jobs") == 1
        ((expected,),) = watched.query("SELECT 60 * ratio FROM queueapp_flowstate WHERE learned_from > 0")
        assert figure(found, "queued_seconds") == pytest.approx(expected)
        assert figure(found, "predicted_wait_seconds") == figure(found, "queued_seconds") / 2
        assert figure(found, "processors_busy") == 2
        assert figure(found, "outcomes_total", task="fail", status="failed") == 1
        assert figure(found, "duration_seconds_count", task="wait") == 5
        assert figure(found, "wait_seconds_bucket", task="wait", le="+Inf") == 5
        spent = sum(api.get(f"jobs/quick-{n}/").json()["time_spent"] for n in range(5))
        assert figure(found, "duration_seconds_sum", task="wait") == pytest.approx(spent, rel=1e-3)
        assert figure(found, "ends_total") == 6
        assert figure(found, "turns_total") > figure(first, "turns_total")
        assert figure(found, "dead_tuples", table="queueapp_flowstate") >= 0
        for n in range(3):
            api.delete(f"jobs/long-{n}/").raise_for_status()
        watched.wait_for("SELECT count(*) = 9 FROM queueapp_outcome")
        watched.until(
            lambda: figure(scrape(watched.url), "outcomes_total", task="nap", status="cancelled") == 3,
            "jobs that never started count, too",
        )
        found = scrape(watched.url)
        assert figure(found, "outcomes_total", task="wait", status="succeeded") == 5, "each counts once"
        with closing(console(watched)) as staff:
            watched.until(lambda: tile(staff, "ended") == "9", "the totals have all that ended")
            assert tile(staff, "ended") == f"{figure(found, 'ends_total'):g}"
            assert tile(staff, "failed") == f"{figure(found, 'outcomes_total', task='fail', status='failed'):g}"
            assert tile(staff, "waiting") == str(api.get("queue/").json()["waiting_count"]) == "1"
            assert (
                tile(staff, "busy") == f"{figure(found, 'processors_busy'):g} of {figure(found, 'processors_alive'):g}"
            )


def console(site: Site) -> httpx.Client:
    """The console of a site, in the session of a superuser."""
    name, password = site.user("boss", staff=True)
    client = httpx.Client(base_url=f"{site.url}/staff/", follow_redirects=True)
    form = client.get(f"{site.url}/login/").text
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)[0]
    data = {"username": name, "password": password, "csrfmiddlewaretoken": token, "next": "/staff/"}
    client.post(f"{site.url}/login/", data=data).raise_for_status()
    return client


def tile(staff: httpx.Client, name: str) -> str:
    """A figure of the console's overview."""
    page = staff.get("?span=5min").raise_for_status().text
    return str(re.findall(rf'data-figure="{name}">([^<]*)<', page)[0])


def test_open_streams_are_counted(watched: Site) -> None:
    with watched.client("ada") as api, api.stream("GET", "events/") as events:
        lines = events.iter_lines()
        assert next(lines)
        watched.until(lambda: figure(scrape(watched.url), "streams") == 1, "the stream is counted")
    watched.until(lambda: figure(scrape(watched.url), "streams") == 0, "it ended")


@pytest.mark.parametrize("given", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer é"])
def test_only_who_knows_the_token_sees_them(watched: Site, given: str) -> None:
    answer = httpx.get(f"{watched.url}/metrics", headers=[(b"Authorization", given.encode())])
    assert answer.status_code == 401
    assert "turnabout_" not in answer.text


def test_without_a_token_there_is_no_such_page(client: Client) -> None:
    assert client.get("/metrics").status_code == 404


def test_a_short_token_stops_the_start(watched: Site) -> None:
    assert "Set METRICS_TOKEN to at least 20 random characters" in watched.refused(
        "manage.py", "check", METRICS_TOKEN="short"
    )


def test_without_the_database_the_metrics_say_so() -> None:
    away = Site("nowhere", 2, METRICS_TOKEN=TOKEN, DATABASE_URL=f"postgresql://x@127.0.0.1:{free_port()}/x")
    away.start_web()
    found = scrape(away.url)
    assert figure(found, "database_up") == 0
    assert not [name for name, _ in found if name == "queued_jobs"]
    away.stop()
