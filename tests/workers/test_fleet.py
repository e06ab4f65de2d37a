"""The number of processors follows the load and what staff say, in real clusters. No running job is ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ALIVE = "(SELECT count(*) FROM queueapp_processor WHERE lease_until > clock_timestamp() AND NOT draining)"


@pytest.fixture(scope="module")
def elastic() -> Iterator[Site]:
    """One cluster of one to four processors, which shrinks after two seconds."""
    running = Site(
        "turnabout_fleet",
        processors=1,
        PROCESSORS="1-4",
        TARGET_WAIT="1",
        DJANGO_SETTINGS_MODULE="tests.fleet_settings",
    )
    running.start()
    running.user("ada")
    yield running
    running.stop()


def submit(site: Site, jobs: list[dict[str, Any]]) -> None:
    with site.client("ada") as client:
        client.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()


def bounds(site: Site, minimum: int | None, maximum: int | None) -> None:
    """As staff write them in the admin."""
    site.query(
        "INSERT INTO queueapp_fleet (id, minimum, maximum, wished) VALUES (1, %s, %s, 0) ON CONFLICT (id)"
        " DO UPDATE SET minimum = excluded.minimum, maximum = excluded.maximum", minimum, maximum,
    )  # fmt: skip


def ended_well(site: Site, prefix: str) -> tuple[int, int]:
    """How many jobs of this prefix succeeded, and the attempts that they took."""
    ((many, attempts),) = site.query(
        "SELECT count(*), coalesce(sum(attempt), 0) FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id"
        " WHERE starts_with(j.name, %s) AND status = 'succeeded'", prefix,
    )  # fmt: skip
    return many, attempts


def test_processors_come_with_the_load_and_go_after_it(elastic: Site) -> None:
    assert elastic.query(f"SELECT {ALIVE}") == [(1,)]
    submit(elastic, [{"job_id": f"wave-{n}", "duration": 0.5} for n in range(24)])
    elastic.wait_for(f"SELECT {ALIVE} = 4")
    elastic.until(lambda: ended_well(elastic, "wave-") == (24, 24), "all have ended, at the first attempt")
    elastic.wait_for(f"SELECT {ALIVE} = 1")
    ups = elastic.query("SELECT before, wished, reason FROM queueapp_fleetdecision WHERE wished > before ORDER BY id")
    assert ups[-1][1] == 4
    assert "are needed now" in ups[-1][2]
    assert elastic.query("SELECT 1 FROM queueapp_fleetdecision WHERE wished < before AND reason LIKE '%%lately%%'")


def test_staff_raise_the_number_within_a_second_and_lower_it_only_as_processors_fall_idle(elastic: Site) -> None:
    bounds(elastic, 3, None)
    elastic.wait_for(f"SELECT {ALIVE} = 3")
    submit(elastic, [{"job_id": f"long-{n}", "duration": 3} for n in range(3)])
    elastic.wait_for("SELECT count(*) = 3 FROM queueapp_processor WHERE job_id IS NOT NULL")
    bounds(elastic, 1, 1)
    elastic.wait_for("SELECT wished = 1 FROM queueapp_fleet")
    assert elastic.query("SELECT count(*) FROM queueapp_processor WHERE job_id IS NOT NULL") == [(3,)]
    elastic.until(lambda: ended_well(elastic, "long-") == (3, 3), "none was ended or started again")
    elastic.wait_for(f"SELECT {ALIVE} = 1")
    bounds(elastic, None, None)
    submit(elastic, [{"job_id": "after", "duration": 0.01}])
    elastic.until(lambda: ended_well(elastic, "after") == (1, 1), "the one that is left works")


def test_another_host_shares_the_fleet_and_takes_over_when_the_leader_dies(elastic: Site) -> None:
    bounds(elastic, 6, None)
    first = elastic.cluster
    elastic.start_cluster()
    second = elastic.cluster
    assert first is not None
    assert second is not None
    elastic.wait_for(f"SELECT {ALIVE} = 6 AND count(*) = 2 AND max(part) = 3 FROM queueapp_cluster")
    first.kill()
    first.wait()
    elastic.wait_for("SELECT leader IN (SELECT id FROM queueapp_cluster WHERE lease_until > now()) FROM queueapp_fleet")
    elastic.wait_for(f"SELECT {ALIVE} = 4 AND count(*) = 1 FROM queueapp_cluster")
    bounds(elastic, 2, 2)
    elastic.wait_for(f"SELECT {ALIVE} = 2")
    submit(elastic, [{"job_id": f"over-{n}", "duration": 0.01} for n in range(20)])
    elastic.until(lambda: ended_well(elastic, "over-") == (20, 20), "the cluster that is left does all")


def test_an_idle_worker_that_is_killed_is_replaced_and_one_that_was_asked_to_end_is_not(elastic: Site) -> None:
    bounds(elastic, 2, 2)
    elastic.wait_for(f"SELECT {ALIVE} = 2")
    ((pid,),) = elastic.query("SELECT min(pid) FROM queueapp_processor")
    os.kill(pid, signal.SIGKILL)
    elastic.wait_for(f"SELECT {ALIVE} = 2 AND NOT EXISTS (SELECT FROM queueapp_processor WHERE pid = {pid})")
    bounds(elastic, 1, 1)
    elastic.wait_for(f"SELECT {ALIVE} = 1")
    time.sleep(1.0)  # long enough for a replacement, which must not come
    assert elastic.query(f"SELECT {ALIVE}") == [(1,)]


def test_processors_that_die_again_and_again_are_started_ever_more_slowly_and_then_work(elastic: Site) -> None:
    bounds(elastic, 1, 1)
    killed: set[int] = set()
    end = time.monotonic() + 8
    while time.monotonic() < end:
        for (pid,) in elastic.query("SELECT pid FROM queueapp_processor"):
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.02)
    assert 3 <= len(killed) <= 6, "at once, at once, after 1 s, 2 s and 4 s"
    submit(elastic, [{"job_id": "at-last", "duration": 0.01}])
    elastic.until(lambda: ended_well(elastic, "at-last") == (1, 1), "one that may live works")
