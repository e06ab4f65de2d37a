"""The same processors on one, two and three hosts: what spreading costs in throughput."""

from __future__ import annotations

from bench.hosts.fleet import WORKERS, Fleet

PROCESSORS = 6
JOBS, SECONDS = 1_200, 0.05
_FILL = """
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.validation import Submission
from queueapp.models import Owner
for n in range({users}):
    owner, _ = Owner.objects.get_or_create(key="spread-%d" % n)
    submit(owner, [Submission(job_id="{name}-%d" % i, duration={seconds}, task="recorded.wait") for i in range({each})])
"""
_TOOK = """
    SELECT extract(epoch FROM max(o.finished_at) - min(o.started_at))::float8, count(*)
      FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id WHERE starts_with(j.name, %s)
"""


def spread(fleet: Fleet, rounds: int) -> dict[int, list[float]]:
    """Return the jobs a second on one, two and three hosts, for each round."""
    for host in WORKERS:
        fleet.stop(host)
    found: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for number in range(rounds):
        for hosts in found:
            found[hosts].append(_once(fleet, hosts, f"r{number}h{hosts}"))
    for host in WORKERS:
        fleet.start_workers(host)
    return found


def _once(fleet: Fleet, hosts: int, name: str) -> float:
    users = 4
    script = _FILL.format(users=users, name=name, seconds=SECONDS, each=JOBS // users)
    used = WORKERS[:hosts]
    for host in used:
        fleet.start_workers(host, PROCESSORS // hosts)
    fleet.wait(lambda: sum(fleet.alive().get(host, 0) for host in used) == PROCESSORS, "all processors are alive")
    fleet.manage("shell", "--no-imports", "-c", script)
    fleet.wait(lambda: fleet.query(_TOOK, f"{name}-")[0][1] == JOBS, "all jobs have ended", 120)
    [(seconds, many)] = fleet.query(_TOOK, f"{name}-")
    for host in used:
        fleet.stop(host)
    return float(many / seconds)
