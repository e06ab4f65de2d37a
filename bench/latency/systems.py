"""The systems of this bench: those of bench/systems/ with a way to send one job, and with workers that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from bench.harness import Crew
from bench.records import clock
from bench.serving import PASSWORD, client, serve
from bench.systems.pgqueuer import PgQueuer
from bench.systems.procrastinate import Procrastinate
from bench.systems.system import PROCESSORS
from bench.systems.turnabout import Turnabout

Send = Callable[[str], float | None]
"""Submits one job, which records this name when it starts. Returns once it is accepted: None if the wait counts from
the call, else the moment from which it counts."""
TINY = 0.0001
"""Seconds that a job holds its processor."""


class Site(Turnabout):
    """Web server and processors. Jobs are sent over HTTP."""

    title = "Turnabout, POST jobs/ to start"
    sender = "user"

    def start(self, crew: Crew) -> None:
        """Give the sender a password, and start processors and web server."""
        from django.contrib.auth import get_user_model

        user = get_user_model().objects.get(username=self.sender)
        user.set_password(PASSWORD)
        user.save()
        super().start(crew)
        self.site = serve(crew)

    @contextmanager
    def sending(self, seconds: float = TINY) -> Iterator[Send]:
        """Send through one HTTP client, whose connection stays open. `seconds`: that a job declares and takes."""
        from bench.tasks import HOLD

        with client(self.site, self.sender) as http:

            def send(name: str) -> None:
                job = {"job_id": f"sent-{name}", "duration": seconds, "task": HOLD, "payload": {"user": name}}
                http.post("jobs/", json=job).raise_for_status()

            yield send


class Direct(Turnabout):
    """The same processors. Jobs are sent by a call in Python, like the peers'."""

    title = "Turnabout, submit() to start"

    @contextmanager
    def sending(self) -> Iterator[Send]:
        """Send on Django's connection."""
        from bench.tasks import HOLD
        from queueapp.lifecycle.submit import submit
        from queueapp.lifecycle.validation import parse

        def send(name: str) -> None:
            job = {"job_id": f"sent-{name}", "duration": TINY, "task": HOLD, "payload": {"user": name}}
            submit(self.owners["user"], [parse(job)])

        yield send


class Committed(Direct):
    """The same, with waits that count from the commit."""

    key = "turnabout-committed"
    title = "Turnabout, commit to start"

    @contextmanager
    def sending(self) -> Iterator[Send]:
        """Send on Django's connection. The announcement comes right after the commit: note when it begins."""
        from queueapp.lifecycle import submit as submission
        from queueapp.lifecycle.announce import announce

        moments: list[float] = []

        def noted(owners: Iterable[int], *, work: bool) -> None:
            moments.append(clock())
            announce(owners, work=work)

        with super().sending() as submit, patch.object(submission, "announce", noted):

            def send(name: str) -> float:
                submit(name)
                return moments.pop()

            yield send


class InTransaction(Direct):
    """The same, submitted in a transaction of the caller's, with waits that count from its commit."""

    key = "turnabout-in-transaction"
    title = "Turnabout, commit of the caller's transaction to start"

    @contextmanager
    def sending(self) -> Iterator[Send]:
        """Send on Django's connection. Our on_commit hook is registered first, and so runs right after the commit."""
        from django.db import transaction

        with super().sending() as submit:

            def send(name: str) -> float:
                moments: list[float] = []
                with transaction.atomic():
                    transaction.on_commit(lambda: moments.append(clock()))
                    submit(name)
                return moments[0]

            yield send


class WaitingPgQueuer(PgQueuer):
    """pgqueuer's defaults: workers listen for notifications, which a trigger sends."""

    key = "pgqueuer-latency"
    title = "pgqueuer, enqueue() to start"

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        crew.start_together(PROCESSORS, "-m", "bench.latency.worker", "pgqueuer")

    @contextmanager
    def sending(self) -> Iterator[Send]:
        """Send on one connection."""
        import asyncpg  # type: ignore[import-not-found]
        from pgqueuer.queries import Queries  # type: ignore[import-not-found]

        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(self.url))
            queries = Queries.from_asyncpg_connection(connection)

            def send(name: str) -> None:
                runner.run(queries.enqueue(["hold"], [name.encode()], [0]))

            yield send
            runner.run(connection.close())


class WaitingProcrastinate(Procrastinate):
    """procrastinate's defaults: workers listen for notifications, which a trigger sends."""

    key = "procrastinate-latency"
    title = "procrastinate, defer() to start"

    def start(self, crew: Crew) -> None:
        """Start a worker process per processor."""
        crew.start_together(PROCESSORS, "-m", "bench.latency.worker", "procrastinate")

    @contextmanager
    def sending(self) -> Iterator[Send]:
        """Send through one connection pool."""
        with self._app().open() as app:
            task = app.configure_task("hold")

            def send(name: str) -> None:
                task.defer(user=name)

            yield send
