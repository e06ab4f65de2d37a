"""The site of a run: its database, users, web process and processors, what they use, and what is fed to them."""

from __future__ import annotations

import os
import random
import resource
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import psycopg

from bench.filling import fill
from bench.harness import Crew
from bench.serving import serve
from bench.streams.client import Request
from bench.throughput.meter import cpu_seconds, memory_mb
from jobsite import local

if TYPE_CHECKING:
    from queueapp.models import Owner

PROCESSORS = 4
DECLARED = 0.005
"""Seconds that each job of the feeder declares; it does nothing."""
STEP = 0.05
"""Seconds between two submissions of the feeder."""
BULK = 10_000
FILES_BESIDE = 2_000
"""Files that a process has open beside its streams, at most."""
_COMMITTED = """
    SELECT o.number, o.owner_id, extract(epoch FROM pg_xact_commit_timestamp(o.xmin))::float8
      FROM queueapp_outcome o WHERE o.owner_id = ANY(%s)"""


def use_server_with_commit_times() -> None:
    """Name a server in DATABASE_URL that keeps the time of each commit: one of its own if none is named.

    Exits with one sentence if the one that is named does not keep them.
    """
    if not os.environ.get("DATABASE_URL"):
        folder = local.var_folder() / "bench-streams"
        folder.mkdir(exist_ok=True)
        if not _keeps_commit_times(url := local.start_database(folder)):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            local.leave_databases()
            url = local.start_database(folder)
        os.environ["DATABASE_URL"] = url
    if not _keeps_commit_times(os.environ["DATABASE_URL"]):
        sys.exit("Set track_commit_timestamp = on in the configuration of the server at DATABASE_URL.")


def _keeps_commit_times(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SHOW track_commit_timestamp").fetchone() == ("on",)


def allow_files(streams: int) -> None:
    """Raise the limit of open files of this process and its children, so that each can hold so many streams twice.

    Exits with one sentence if it may not.
    """
    needed = 3 * streams // 2 + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), max(hard, needed)))
    except (OSError, ValueError):
        sys.exit(f"Raise the limit of open files to {needed} (ulimit -n), or choose fewer --streams.")


class Site:
    """A database with so many users, then a web process and processors on it. A context manager.

    `owners`: of the users. start() starts the processes; what must be there before comes between.
    """

    def __init__(self, url: str, users: int) -> None:
        from queueapp.models import Owner

        fill(users, 0)
        self.url, self.owners = url, list(Owner.objects.order_by("pk").select_related("user"))
        self.crew = Crew(DATABASE_URL=url, PROCESSORS=str(PROCESSORS))
        self.port = 0
        self._credentials = credentials(self.owners)

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.crew.stop()

    def start(self) -> None:
        """Start the web process, and the processors, and wait until they are ready."""
        from queueapp.models import Processor

        self.port = urlsplit(serve(self.crew)).port or 0
        self.web = psutil.Process(self.crew.pids()[0])
        self.crew.start("manage.py", "processors")
        self.crew.wait(lambda: Processor.objects.alive().count() >= PROCESSORS, 60.0)

    def requests(self, streams: int) -> list[Request]:
        """Return the requests of the first users: by token, and by session as a page sends them, in turn; with gzip."""
        return [
            Request(f"/api/v1/events/{'?after=0' if n % 2 else ''}", header, gzip=True)
            for n, header in enumerate(self._credentials[:streams])
        ]

    def token(self, user: int) -> str:
        """Return the access token of the user with this index."""
        from rest_framework_simplejwt.tokens import AccessToken

        who: Any = self.owners[user].user
        return str(AccessToken.for_user(who))

    def memory(self) -> float:
        """Return the web process's memory in KB (PSS)."""
        return memory_mb([self.web]) * 1024

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds used so far by the web process, and by its sessions of the database."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'turnabout-web'")
            sessions = [psutil.Process(pid) for (pid,) in rows]
        return {"web": cpu_seconds([self.web]), "database": cpu_seconds(sessions)}

    def commits(self, users: range) -> dict[int, tuple[int, float]]:
        """Return user index and commit time (seconds since the epoch) of all completions of users, by number."""
        index = {self.owners[user].pk: user for user in users}
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(_COMMITTED, [list(index)])
            return {number: (index[owner], at) for number, owner, at in rows}


def credentials(owners: Sequence[Owner]) -> list[str]:
    """Return a header line for each owner's user: a token and a session in turn. Sessions are made in bulk."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone
    from rest_framework_simplejwt.tokens import AccessToken

    Session.objects.all().delete()
    store, expires, sessions, found = SessionStore(), timezone.now() + timedelta(days=1), [], []
    for n, owner in enumerate(owners):
        user: Any = owner.user
        if n % 2 == 0:
            found.append(f"Authorization: Bearer {AccessToken.for_user(user)}")
            continue
        content = {SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1]}
        content[HASH_SESSION_KEY] = user.get_session_auth_hash()
        key = secrets.token_hex(16)
        sessions.append(Session(session_key=key, session_data=store.encode(content), expire_date=expires))
        found.append(f"Cookie: {settings.SESSION_COOKIE_NAME}={key}")
    Session.objects.bulk_create(sessions, batch_size=1_000)
    return found


class Feeder:
    """Submits jobs at a constant rate, however fast they are done, for owners drawn uniformly."""

    def __init__(self, owners: Sequence[Owner], seed: int = 1) -> None:
        self._owners, self._random, self._numbers = owners, random.Random(seed), count()
        self.submitted = 0

    def run(self, rate: float, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Submit for so many seconds, or until `until` returns true."""
        from queueapp.lifecycle.submit import submit_each
        from queueapp.lifecycle.validation import Submission

        begun, sent = time.monotonic(), 0
        while (since := time.monotonic() - begun) < seconds and not until():
            asked = [
                (self._random.choice(self._owners),
                 Submission(job_id=f"fed-{next(self._numbers)}", duration=DECLARED, task="bench.nothing"))
                for _ in range(int(since * rate) - sent)
            ]  # fmt: skip
            if asked:
                submit_each(asked)
            sent += len(asked)
            time.sleep(max(STEP - (time.monotonic() - begun - since), 0.0))
        self.submitted += sent


def pile_up(owners: Sequence[Owner], depth: int, seconds: float) -> None:
    """Submit `depth` jobs of each owner, which hold a processor for so many seconds each."""
    from queueapp.lifecycle.submit import submit_each
    from queueapp.lifecycle.validation import Submission

    asked = [(owner, Submission(job_id=f"piled-{n}", duration=seconds)) for n in range(depth) for owner in owners]
    for start in range(0, len(asked), BULK):
        submit_each(asked[start : start + BULK])
