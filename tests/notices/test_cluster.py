"""Notices of a running site: a receiver that hangs beside one that answers, a processor that dies, a due digest."""

from __future__ import annotations

import os
import signal

import pytest

from tests.kit.clients import new_user
from tests.kit.receiver import Receiver, receiver
from tests.kit.site import Site


def told(site: Site, there: Receiver) -> tuple[str, str]:
    """Make a webhook of a new user for the receiver. Return the user's name and the secret."""
    name = new_user(site)
    with site.client(name) as api:
        made = api.post("webhooks/", json={"url": there.url}).raise_for_status().json()
    return name, made["secret"]


def run(site: Site, name: str, *jobs: str) -> None:
    """Submit short jobs."""
    with site.client(name) as api:
        many = [{"job_id": job, "duration": 0.01} for job in jobs]
        api.post("jobs/bulk/", json={"jobs": many}).raise_for_status()


@pytest.mark.slow
def test_a_receiver_that_hangs_delays_no_other_a_message_survives_its_processor_and_a_digest_is_sent(
    site: Site,
) -> None:
    with receiver() as slow, receiver() as quick:
        slow.answers[:] = [slow.hang]
        ada, secret = told(site, slow)
        ben, bens_secret = told(site, quick)
        run(site, ada, "a1", "a2", "a3")
        first = slow.next()
        run(site, ben, "b1", "b2", "b3")
        got = [quick.next().verified(bens_secret)["data"]["job_id"] for _ in range(3)]
        assert sorted(got) == ["b1", "b2", "b3"]
        assert slow.messages.empty(), "the owner's other messages wait for the one that hangs"
        site.query("UPDATE accounts_user SET email = 'ben@example.org' WHERE username = %s", ben)
        site.query(
            "INSERT INTO queueapp_digest (owner_id, period, number, next_at, page) SELECT o.id, 'daily', 0, now(), ''"
            "  FROM queueapp_owner o JOIN accounts_user u ON u.id = o.user_id WHERE username = %s", ben,
        )  # fmt: skip
        ((worker,),) = site.query(
            "SELECT pid FROM queueapp_processor p JOIN queueapp_job j ON j.id = p.job_id"
            " WHERE j.payload->>'message' = %s",
            first.headers["webhook-id"],
        )
        os.kill(worker, signal.SIGKILL)
        messages = [first, *(slow.next() for _ in range(3))]
    assert {one.verified(secret)["data"]["job_id"] for one in messages} == {"a1", "a2", "a3"}
    ids = [one.headers["webhook-id"] for one in messages]
    assert ids.count(ids[0]) == 2, "the killed one is sent again, with the same id"
    site.wait_for(
        "SELECT count(*) = 1 FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id"
        " WHERE j.task = 'queueapp.digest' AND o.result = '{\"succeeded\": 3}'"
    )
