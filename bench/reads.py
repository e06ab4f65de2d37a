"""Latency of pages and API reads beside very many jobs: python -m bench.reads [--jobs 300000] [--full] [--users 1000]

Fills the queue: nine of ten jobs have ended, evenly over the last day, and one waits. Starts the site's web server.
Asks for each page and each API address repeatedly, one request at a time, with a token or a session; then again while
four processes claim and settle. Prints median and maximum in ms. Writes bench/results/reads.txt and .json, or, with
one user that owns all jobs, reads-1-user.txt and .json.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from contextlib import nullcontext

import httpx
import psycopg

from bench.claiming import Claimers
from bench.filling import DECLARED, fill
from bench.harness import Crew, keep, own_database, table
from bench.serving import PASSWORD, client, serve

NAME = "turnabout_bench_reads"
DAY = 86_400.0
USER, STAFF = "user-1", "staff"
SLOW = 100.0
"""Milliseconds. Addresses with a larger median are named as slow."""

OF_USER = {
    "my queue": "api/v1/queue/",
    "my jobs": "api/v1/jobs/",
    "my jobs that wait": "api/v1/jobs/?status=queued",
    "my jobs that succeeded": "api/v1/jobs/?status=succeeded",
    "my jobs that failed (none)": "api/v1/jobs/?status=failed",
    "my jobs of a task": "api/v1/jobs/?task=bench.nothing",
    "my jobs of a task (none)": "api/v1/jobs/?task=wait",
    "my jobs, oldest first": "api/v1/jobs/?sort=oldest",
    "my jobs by a prefix": "api/v1/jobs/?prefix=ended-1",
    "my jobs by a prefix (none)": "api/v1/jobs/?prefix=none",
    "my jobs of long ago (none)": "api/v1/jobs/?submitted_before=2000-01-01T00:00:00Z",
    "my jobs by an error (none)": "api/v1/jobs/?error=none",
    "one of my jobs": "api/v1/jobs/first/",
    "the page": "",
    "the page of all my jobs": "jobs/",
    "the page of my jobs of a task (none)": "jobs/?task=wait",
    "the page of one of my jobs": "jobs/first/",
}
OF_STAFF = {
    "admin: jobs": "admin/queueapp/job/",
    "admin: jobs, page 100": "admin/queueapp/job/?p=100",
    "admin: jobs that wait": "admin/queueapp/job/?status=queued",
    "admin: jobs that succeeded": "admin/queueapp/job/?status=succeeded",
    "admin: jobs that failed (none)": "admin/queueapp/job/?status=failed",
    "admin: jobs of a task": "admin/queueapp/job/?task=bench.nothing",
    "admin: jobs of a task (none)": "admin/queueapp/job/?task=wait",
    "admin: jobs of a user": f"admin/queueapp/job/?q={USER}",
    "admin: a job of a user by its id": f"admin/queueapp/job/?q={USER}+first",
    "admin: a job by its id": "admin/queueapp/job/?q=first",
    "admin: users": "admin/accounts/user/",
    "admin: flows": "admin/queueapp/flow/",
    "admin: Shares of an hour": "admin/queueapp/flow/shares/",
    "admin: Shares of a day": "admin/queueapp/flow/shares/?span=day",
    "admin: Shares of a week": "admin/queueapp/flow/shares/?span=week",
    "console: an hour": "staff/",
    "console: 30 days": "staff/?span=month",
    "console: failures of 30 days": "staff/failures/?span=month",
    "console: flows and owners of a day": "staff/flows/?span=day",
    "console: database": "staff/database/",
}


def prepare(jobs: int, users: int) -> float:
    """Fill the queue, make a superuser, and give one user a password and a job with a known id.

    Returns the seconds that it took to count the ended jobs in the totals. VACUUM ANALYZE gives the statistics that
    autovacuum would soon make.
    """
    from django.contrib.auth import get_user_model
    from django.db import connection

    from queueapp.lifecycle.maintenance.totals import count_ended
    from queueapp.lifecycle.submit import submit
    from queueapp.lifecycle.validation import Submission
    from queueapp.models import Owner

    fill(users, jobs // 10, jobs - jobs // 10, over=DAY)
    accounts = get_user_model().objects
    user = accounts.get(username=USER)
    user.set_password(PASSWORD)
    user.save()
    accounts.create_superuser(STAFF, password=PASSWORD)
    submit(Owner.objects.of_user(user), [Submission(job_id="first", duration=DECLARED, task="bench.nothing")])
    begun = time.monotonic()
    count_ended(at_once=True)
    while count_ended():
        pass
    took = time.monotonic() - begun
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return took


def session(url: str, name: str) -> httpx.Client:
    """Log the user in by the form, and return a client with the session."""
    browser = httpx.Client(base_url=url, timeout=60)
    browser.get("/login/")
    form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    answer = browser.post("/login/", data=form)
    assert answer.status_code == 302, f"log-in of {name}: {answer.status_code}"
    return browser


def ask(http: httpx.Client, address: str, times: int) -> list[float]:
    """Return the milliseconds that each request took until its whole answer was there, without the first request.

    The console keeps what it has read for a while: each request waits until that is over. Raises HTTPError on failure.
    """
    from queueapp.staff.kept import KEEP_SECONDS, REST

    took: list[float] = []
    for _ in range(times + 1):
        if took and "/staff/" in address:
            time.sleep(1.1 * max(KEEP_SECONDS, REST * took[-1] / 1000))
        begun = time.perf_counter()
        http.get(address).raise_for_status()
        took.append((time.perf_counter() - begun) * 1000)
    return took[1:]


def ask_all(url: str, times: int) -> dict[str, list[float]]:
    """Return the milliseconds of the requests to every address, one address after the other."""
    user, page, staff = client(url, USER), session(url, USER), session(url, STAFF)
    took = {
        what: ask(user if address.startswith("api/") else page, f"{url}/{address}", times)
        for what, address in OF_USER.items()
    }
    took |= {what: ask(staff, f"{url}/{address}", times) for what, address in OF_STAFF.items()}
    for http in (user, page, staff):
        http.close()
    return took


def report(quiet: dict[str, list[float]], busy: dict[str, list[float]], facts: str) -> str:
    """Return the table and the slow addresses, as text."""
    rows = [
        [what, *(f"{value:,.1f}" for its in (quiet[what], busy[what]) for value in (statistics.median(its), max(its)))]
        for what in quiet
    ]
    heads = ["", "quiet: median ms", "longest", "claims go on: median ms", "longest"]
    slow = [what for what, its in quiet.items() if statistics.median(its) > SLOW]
    return f"{facts}\n\n{table(heads, rows)}\n\nAbove {SLOW:,.0f} ms when quiet: {', '.join(slow) or 'none'}\n"


def main() -> None:
    """Fill the queue, send all requests twice, and write the report."""
    options = _options()
    with own_database(NAME) as (server, url):
        counted = prepare(options.jobs, options.users)
        from django.db import connections

        from queueapp.models import Owner

        feed = list(Owner.objects.all())
        connections.close_all()
        took = []
        load = os.getloadavg()[0]
        with Crew(DATABASE_URL=url) as crew:
            site = serve(crew)
            for claims in (nullcontext(), Claimers(feed, DECLARED)):
                with claims:
                    took.append(ask_all(site, options.times))
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM queueapp_job").fetchone()
        facts = (
            f"{options.jobs:,} jobs, a tenth of them waiting, the others ended within a day; users: {options.users:,}\n"
            f"The ended ones were counted in the totals in {counted:,.0f} s, at once\n"
            f"{row and row[0]:,} jobs at the end; {options.times} requests each; PostgreSQL {server.version()}, "
            f"{os.cpu_count()} cores, load average {load:.1f} before and {os.getloadavg()[0]:.1f} after"
        )
    text = report(took[0], took[1], facts)
    print(text)
    keep("reads" if options.users > 1 else "reads-1-user", text, dict(zip(("quiet", "busy"), took, strict=True)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.reads", description="What people look at, beside very many jobs.")
    parser.add_argument("--jobs", type=int, default=300_000, help="in all, waiting and ended (300000)")
    parser.add_argument("--full", action="store_true", help="3,000,000 jobs")
    parser.add_argument("--users", type=int, default=1_000, help="who own them by turns (1000)")
    parser.add_argument("--times", type=int, default=20, help="requests of each address (20)")
    options = parser.parse_args()
    options.jobs = 3_000_000 if options.full else options.jobs
    return options


if __name__ == "__main__":
    main()
