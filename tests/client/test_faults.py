"""What a client does when the network, the site or its tokens fail: both kinds of client do the same."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.kit.clients import Connect, new_user
from tests.kit.proxy import Proxy
from tests.kit.site import BASE, PASSWORD, Site
from turnabout_client import (
    AsyncClient,
    Client,
    Completed,
    FileTokens,
    MemoryTokens,
    NotAuthenticated,
    Queue,
    Reconnecting,
    Reset,
    Tokens,
    Unreachable,
    _stream,
)


def until(events: Iterator[Any], holds: Callable[[Any], bool]) -> Any:
    """The next event for which `holds`."""
    return next(event for event in events if holds(event))


def expired(access: str) -> str:
    """The same access token, as it would be if it had expired."""
    claims = jwt.decode(access, options={"verify_signature": False})
    return jwt.encode(claims | {"exp": 1}, os.environ["SECRET_KEY"], algorithm="HS256")


class TestRequests:
    def test_a_job_whose_answer_was_lost_is_there_once(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url)
        before.lose_answer("POST /api/v1/jobs/", times=2)
        job = queue.submit(duration=0.01)
        assert [found.job_id for found in queue.jobs()] == [job.job_id]
        assert sum(line.startswith("POST /api/v1/jobs/") for line in before.requests) == 3

    def test_a_cancellation_whose_answer_was_lost_is_told_all_the_same(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url)
        queue.submit(duration=1, job_id="lost", run_at=datetime(2100, 1, 1, tzinfo=UTC))
        before.lose_answer("DELETE")
        assert queue.cancel("lost").status == "cancelled"

    def test_a_job_is_never_retried_twice(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url)
        queue.submit("checksum", {"path": "not-there"}, duration=0.1, job_id="once")
        queue.wait("once", timeout=30)
        before.lose_answer("POST /api/v1/jobs/once/retry/")
        queue.retry("once")
        assert queue.wait("once", timeout=30).attempt == 2
        assert sum(line.startswith("POST /api/v1/jobs/once/retry/") for line in before.requests) == 1

    def test_trying_ends_with_its_time(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url, retry_for=1)
        queue.queue()
        before.lose_answer("GET", times=1_000)
        with pytest.raises(Unreachable, match="does not answer"):
            queue.queue()


class TestTokens:
    def test_a_token_that_has_expired_is_renewed(self, connect: Connect, site: Site, before: Proxy) -> None:
        tokens = MemoryTokens()
        queue = connect(before.url, username=new_user(site), password=PASSWORD, tokens=tokens)
        queue.log_in()
        pair = tokens.read()
        assert pair is not None
        tokens.write(Tokens(expired(pair.access), pair.refresh))
        assert queue.queue().running == []
        assert [line.split()[1] for line in before.requests] == [
            "/api/v1/token/", "/api/v1/queue/", "/api/v1/token/refresh/", "/api/v1/queue/",
        ]  # fmt: skip

    def test_a_refresh_token_that_is_used_up_gives_way_to_the_password(self, connect: Connect, site: Site) -> None:
        tokens = MemoryTokens()
        user = new_user(site)
        queue = connect(username=user, password=PASSWORD, tokens=tokens)
        queue.log_in()
        pair = tokens.read()
        assert pair is not None
        tokens.write(Tokens("out.of.date", pair.refresh))
        assert queue.queue().user == user
        for options in ({"username": user, "password": PASSWORD}, {}):
            tokens.write(Tokens("out.of.date", pair.refresh))
            other = connect(**options, tokens=tokens)
            if options:
                assert other.queue().user == user
            else:
                with pytest.raises(NotAuthenticated, match="Log in again"):
                    other.queue()

    def test_a_ready_token_that_has_expired_is_told(self, connect: Connect, site: Site) -> None:
        with site.client(new_user(site)) as http:
            token = http.headers["Authorization"].removeprefix("Bearer ")
        with pytest.raises(NotAuthenticated):
            connect(key=expired(token)).queue()

    def test_threads_that_find_a_token_expired_renew_it_once(self, connect: Connect, site: Site, before: Proxy) -> None:
        tokens = MemoryTokens()
        queue = connect(before.url, username=new_user(site), password=PASSWORD, tokens=tokens)
        queue.log_in()
        pair = tokens.read()
        assert pair is not None
        tokens.write(Tokens(expired(pair.access), pair.refresh))
        threads = [threading.Thread(target=queue.queue) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [line.split()[1] for line in before.requests].count("/api/v1/token/refresh/") == 1

    def test_log_out_ends_the_refresh_token(self, connect: Connect, site: Site, tmp_path: Path) -> None:
        tokens = FileTokens(tmp_path / "tokens.json", site.url)
        queue = connect(username=new_user(site), password=PASSWORD, tokens=tokens)
        queue.log_in()
        pair = tokens.read()
        queue.log_out()
        assert tokens.read() is None
        tokens.write(Tokens("out.of.date", pair.refresh if pair else ""))
        with pytest.raises(NotAuthenticated):
            connect(tokens=tokens).queue()


def test_processes_that_find_a_token_expired_renew_it_one_after_the_other(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "state" / "tokens.json"
    tokens = FileTokens(path, site.url)
    with Client(site.url, username=new_user(site), password=PASSWORD, tokens=tokens) as queue:
        queue.log_in()
    pair = tokens.read()
    assert pair is not None
    tokens.write(Tokens(expired(pair.access), pair.refresh))
    program = (
        "import sys; from pathlib import Path; from turnabout_client import Client, FileTokens\n"
        "sys.stdin.readline()\n"
        "print(Client(sys.argv[1], tokens=FileTokens(Path(sys.argv[2]), sys.argv[1])).queue().waiting_count)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, site.url, path], env=os.environ | {"PYTHONPATH": str(BASE / "client")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    assert [process.communicate("\n", timeout=30)[0] for process in processes] == ["0\n"] * 4
    renewed = tokens.read()
    assert renewed is not None
    assert renewed.refresh != pair.refresh
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert set(json.loads(path.read_text())) == {f"{site.url}/api/v1/"}
    assert {file.name for file in path.parent.iterdir()} <= {"tokens.json", "tokens.json.lock"}


ONE_KIND = pytest.mark.parametrize("connect", [Client], ids=["sync"], indirect=True)
"""For what takes seconds, and is decided in the part that both kinds share."""


class TestStreams:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Streams are opened anew almost at once."""
        monkeypatch.setattr(_stream, "JITTER", (0.05, 0.1))

    def test_a_stream_that_is_cut_misses_no_completion_and_repeats_none(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url)
        events = queue.events()
        assert isinstance(next(events), Queue)
        seen = []
        for number in range(3):
            before.cut()
            until(events, lambda event: isinstance(event, Reconnecting))
            queue.submit(duration=0.01, job_id=f"cut-{number}")
            seen.append(until(events, lambda event: isinstance(event, Completed)).job.job_id)
        assert seen == ["cut-0", "cut-1", "cut-2"]

    @ONE_KIND
    def test_a_web_server_that_restarts_is_come_back_to(self, connect: Connect, site: Site) -> None:
        queue = connect()
        events = queue.events()
        next(events)
        assert site.web is not None
        site.web.kill()
        site.web.wait()
        meanwhile = threading.Thread(target=lambda: queue.submit(duration=0.01, job_id="meanwhile"))
        meanwhile.start()  # it is sent again until the server is back
        try:
            until(events, lambda event: isinstance(event, Reconnecting))
        finally:
            site.start_web()
        assert until(events, lambda event: isinstance(event, Completed)).job.job_id == "meanwhile"
        meanwhile.join()

    def test_the_last_completion_is_asked_for_until_it_is_told(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url)
        assert queue.last_completion() == 0
        queue.wait(queue.submit(duration=0.01).job_id, timeout=30)
        before.lose_answer("GET /api/v1/events/", times=2)
        number = queue.last_completion()
        assert next(event for event in queue.events(after=0) if isinstance(event, Completed)).number == number

    @ONE_KIND
    def test_a_wait_for_one_job_is_a_look_and_one_request_that_the_server_answers_at_the_end(
        self, connect: Connect, before: Proxy
    ) -> None:
        queue = connect(before.url)
        queue.submit(duration=0.7, job_id="awaited")
        assert queue.wait("awaited", timeout=30).succeeded
        asked = [line.split()[1].partition("=")[0] for line in before.requests if line.startswith("GET")]
        assert asked == ["/api/v1/jobs/awaited/", "/api/v1/jobs/awaited/?wait"]

    def test_a_wait_survives_a_cut(self, connect: Connect, before: Proxy) -> None:
        queue = connect(before.url)
        queue.submit(duration=1, job_id="waited")
        timer = threading.Timer(0.4, before.cut)
        timer.start()
        assert queue.wait("waited", timeout=30).succeeded

    def test_a_dead_connection_is_noticed(
        self, connect: Connect, before: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("turnabout_client._operations.SILENCE", 0.7)
        queue = connect(before.url)
        events = queue.events()
        next(events)
        before.stall()
        until(events, lambda event: isinstance(event, Reconnecting))
        assert isinstance(next(events), Queue)

    @ONE_KIND
    def test_waits_ask_where_no_stream_is_to_be_had(self, connect: Connect, before: Proxy) -> None:
        user = connect()
        streams = [user.events() for _ in range(20)]
        for stream in streams:
            next(stream)
        jobs = [user.submit(duration=0.3, job_id=name).job_id for name in ("asked", "asked-too")]
        assert all(job.succeeded for job in user.as_completed(jobs, timeout=30))
        for stream in streams:
            stream.close()

    def test_waits_that_are_cancelled_leave_no_stream_behind(self, site: Site) -> None:
        user = new_user(site)

        async def ends(queue: AsyncClient) -> None:
            async for _ in queue.as_completed(["never", "nor-this"]):
                pass

        async def use() -> None:
            async with AsyncClient(site.url, username=user, password=PASSWORD, retry_for=5) as queue:
                for name in ("never", "nor-this"):
                    await queue.submit(duration=1, job_id=name, run_at=datetime(2100, 1, 1, tzinfo=UTC))
                for _ in range(2):
                    waits = [asyncio.create_task(ends(queue)) for _ in range(15)]
                    await asyncio.wait(waits, timeout=0.4)
                    for wait in waits:
                        wait.cancel()
                    await asyncio.gather(*waits, return_exceptions=True)
                async with aclosing(queue.events()) as events:  # type: ignore[type-var]
                    assert isinstance(await anext(events), Queue)

        asyncio.run(use())

    @ONE_KIND
    def test_a_stream_ends_with_its_token_and_goes_on_with_the_next(
        self, connect: Connect, site: Site, before: Proxy
    ) -> None:
        tokens = MemoryTokens()
        queue = connect(before.url, username=new_user(site), password=PASSWORD, tokens=tokens)
        queue.log_in()
        pair = tokens.read()
        assert pair is not None
        claims = jwt.decode(pair.access, options={"verify_signature": False})
        soon = int((datetime.now(UTC) + timedelta(seconds=1.5)).timestamp())
        short = jwt.encode(claims | {"exp": soon}, os.environ["SECRET_KEY"], algorithm="HS256")
        tokens.write(Tokens(short, pair.refresh))
        events = queue.events()
        next(events)
        queue.submit(duration=0.01, job_id="first")
        until(events, lambda event: isinstance(event, Completed))
        assert until(events, lambda event: isinstance(event, Reconnecting)).reason == "The stream ended."
        queue.submit(duration=0.01, job_id="second")
        assert until(events, lambda event: isinstance(event, Completed)).job.job_id == "second"
        assert "/api/v1/token/refresh/" in [line.split()[1] for line in before.requests]

    def test_a_client_that_comes_back_after_a_retry_is_told_of_a_reset(self, connect: Connect) -> None:
        queue = connect()
        queue.submit("checksum", {"path": "not-there"}, duration=0.1, job_id="reset")
        queue.wait("reset", timeout=30)
        number = until(queue.events(after=0), lambda event: isinstance(event, Completed)).number
        queue.retry("reset")
        queue.wait("reset", timeout=30)
        events = queue.events(after=number)
        assert isinstance(next(events), Reset)
        assert until(events, lambda event: isinstance(event, Completed)).job.attempt == 2
