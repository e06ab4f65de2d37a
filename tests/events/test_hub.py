"""Streams of one user beside each other: the hub with a real database, without a web server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from django.utils.translation import override

from queueapp.events.access import StreamAccess
from queueapp.events.hub import Hub
from queueapp.events.stream import MAX_COMPLETIONS, Stream
from queueapp.lifecycle.pause import pause
from queueapp.lifecycle.processors import register
from queueapp.models import Owner
from queueapp.snapshots import BATCH_COMPLETIONS, last_number
from tests.kit.queue import everyone_takes_turns, make_owner, run_all, submit_jobs, user_of

pytestmark = pytest.mark.usefixtures("no_rules")

MANY = MAX_COMPLETIONS + BATCH_COMPLETIONS + 100


def many_ended(user: Owner) -> None:
    everyone_takes_turns()
    submit_jobs(user, *[f"j{n}" for n in range(MANY)], duration=1e-6)
    run_all(register("c").pk)


async def completions(stream: Stream) -> AsyncIterator[bytes]:
    async for data in stream.events():
        for event in data.split(b"\n\n"):
            if event.startswith(b"event: completed"):
                yield event


def test_a_stream_that_nobody_reads_holds_up_no_other() -> None:
    ada = make_owner("ada")
    many_ended(ada)

    async def read() -> int:
        hub = Hub()
        stalled, read = (Stream(StreamAccess(ada.pk, ada.user_id, user_of(ada).password), 0) for _ in range(2))
        hub.join(stalled)
        hub.join(read)
        got = 0
        async for _ in completions(read):
            got += 1
            if got == MANY:
                break
        # It reads again: the rest follows.
        async for _ in completions(stalled):
            got += 1
            if got == 2 * MANY:
                break
        hub.leave(stalled)
        hub.leave(read)
        return got

    assert asyncio.run(asyncio.wait_for(read(), 60)) == 2 * MANY


def test_a_stream_that_catches_up_keeps_none_waiting_that_is_up_to_date() -> None:
    ada = make_owner("ada")
    many_ended(ada)
    last = last_number(ada.pk)
    submit_jobs(ada, "new")
    run_all(register("c").pk)

    async def read() -> tuple[int, int]:
        hub = Hub()
        access = StreamAccess(ada.pk, ada.user_id, user_of(ada).password)
        behind, up_to_date = Stream(access, 0), Stream(access, last)
        hub.join(behind)
        hub.join(up_to_date)
        told: list[bytes] = []
        catching_up = asyncio.create_task(collect(behind, told))
        async for part in completions(up_to_date):
            assert b'"new"' in part
            break
        early = len(told)
        await catching_up
        hub.leave(behind)
        hub.leave(up_to_date)
        return early, len(told)

    early, in_all = asyncio.run(asyncio.wait_for(read(), 60))
    assert early <= BATCH_COMPLETIONS
    assert in_all == MANY + 1


async def collect(stream: Stream, told: list[bytes]) -> None:
    """All completions, until the last of them."""
    async for part in completions(stream):
        told.append(part)
        if len(told) == MANY + 1:
            return


def test_a_stream_ends_with_its_client_though_something_comes_at_that_moment() -> None:
    async def leave_as_progress_comes() -> None:
        stream = Stream(StreamAccess(1, 1, ""), 0)

        async def read() -> None:
            async for _ in stream.events():
                pass

        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        stream.offer_progress(b"{}")
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(reader, 10)

    asyncio.run(leave_as_progress_comes())


def test_a_queue_says_why_it_is_paused_in_the_language_of_the_page_that_listens() -> None:
    owners = {"de": make_owner("ada"), "en": make_owner("bob"), "": make_owner("cleo")}
    pause("maintenance")

    async def first_queue(stream: Stream) -> bytes:
        async for data in stream.events():
            if b'"paused"' in data:
                return data
        return b""

    async def read() -> list[bytes]:
        hub = Hub()
        streams = [
            Stream(StreamAccess(one.pk, one.user_id, user_of(one).password), 0, language=language)
            for language, one in owners.items()
        ]
        for stream in streams:
            hub.join(stream)
        found = [await first_queue(stream) for stream in streams]
        for stream in streams:
            hub.leave(stream)
        return found

    with override("de"):  # as the page was that the first stream came from
        german, english, sites = asyncio.run(asyncio.wait_for(read(), 60))
    assert b"Vom Betrieb pausiert: maintenance" in german
    assert b"Paused by staff: maintenance" in english
    assert b"Paused by staff: maintenance" in sites
