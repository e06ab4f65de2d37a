"""The signal of completed jobs: each end is told, late commits included, and no receiver harms anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from queueapp.db.routines import versioned
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Job, SignalCursor
from queueapp.signals import job_completed
from queueapp.testing import run_jobs
from queueapp.workers import completed
from queueapp.workers.completed import send_completed
from tests.kit.queue import (
    everyone_takes_turns,
    in_thread,
    make_owner,
    run_all,
    second_connection,
    settle,
    submit_jobs,
)
from tests.kit.site import Site

_LOOKS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE '%queueapp_settling%' AND pid <> pg_backend_pid()"
"""Whether another session has looked for settlements that are under way, last of all."""


@pytest.fixture
def told(no_rules: None) -> Iterator[list[tuple[str, str]]]:
    """What a receiver was told, from now on."""
    got: list[tuple[str, str]] = []

    def receiver(job: Any, **_: Any) -> None:
        got.append((job.job_id, str(job.status)))
        if job.job_id == "raises":
            raise ValueError("receivers may fail")
        if job.job_id == "leaves-a-transaction":
            transaction.set_autocommit(False)

    send_completed()
    job_completed.connect(receiver)
    yield got
    job_completed.disconnect(receiver)


def send_all() -> None:
    while send_completed():
        pass


def test_every_end_is_told_once_in_order_whatever_receivers_do(told: list[tuple[str, str]]) -> None:
    ada = make_owner("ada")
    submit_jobs(ada, "raises", "leaves-a-transaction", "last", "cancelled")
    cancel(Job.objects.get(name="cancelled"))
    run_all(register("c").pk)
    send_all()
    send_all()
    assert told == [
        ("cancelled", "cancelled"), ("raises", "succeeded"), ("leaves-a-transaction", "succeeded"),
        ("last", "succeeded"),
    ]  # fmt: skip
    assert connection.get_autocommit()


def test_an_end_after_a_retry_is_told_again(told: list[tuple[str, str]]) -> None:
    submit_jobs(make_owner("ada"), "a")
    cancel(Job.objects.get(name="a"))
    send_all()
    try_again(Job.objects.get(name="a"))
    send_all()
    run_jobs()
    assert told == [("a", "cancelled"), ("a", "succeeded")], "run_jobs() tells it at once"


def test_what_is_settled_late_is_told_in_its_place_and_a_host_transaction_delays_nothing(
    told: list[tuple[str, str]],
) -> None:
    """A settlement has drawn a number and is not committed, while another one with a higher number is."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "late"), submit_jobs(make_owner("ben"), "early")
    first, second = register("c").pk, register("c").pk
    one, other = take_turn(first), take_turn(second)
    with second_connection() as host, second_connection() as watcher, ThreadPoolExecutor(1) as pool:
        watcher.autocommit = True
        host.execute("SELECT txid_current()")
        with transaction.atomic():  # as a settlement that is under way
            settle(first, one)
            pool.submit(in_thread, lambda: settle(second, other)).result()
            sending = pool.submit(in_thread, send_all)
            while watcher.execute(_LOOKS).fetchone() == (False,):
                assert not sending.done()
            assert told == []
        sending.result()
    assert told == [("late", "succeeded"), ("early", "succeeded")]


def test_what_ended_while_nobody_sent_is_told_in_batches(
    told: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completed, "BATCH_JOBS", 3)
    monkeypatch.setattr(completed, "NUMBERS", 4)
    submit_jobs(make_owner("ada"), *[f"j{n}" for n in range(10)])
    run_all(register("c").pk)
    Job.objects.get(name="j9").outcome.delete()
    send_all()
    assert told == [(f"j{n}", "succeeded") for n in range(9)]


def test_after_a_restore_the_signal_goes_on_with_what_ends_next(told: list[tuple[str, str]]) -> None:
    SignalCursor.objects.update(number=2**62)
    submit_jobs(make_owner("ada"), "a")
    send_all()
    run_all(register("c").pk)
    send_all()
    assert told == [("a", "succeeded")]


@pytest.mark.slow
def test_a_cluster_tells_each_end_though_receivers_fail_or_end_their_process(tmp_path: Path) -> None:
    file = tmp_path / "told"
    file.touch()
    names = ("raises", "ends-the-process", "last")
    site = Site("turnabout_receiver", 1, DJANGO_SETTINGS_MODULE="tests.receiver_settings", TOLD=str(file))
    try:
        site.start(web=False)
        site.wait_for("SELECT count(*) = 1 FROM queueapp_signalcursor")
        (owner,) = site.query("INSERT INTO queueapp_owner (key) VALUES ('team-blue') RETURNING id")[0]
        job = {"owner": owner, "task": "wait", "payload": {}, "duration": 0.001}
        jobs = json.dumps([{**job, "name": name} for name in names])
        site.query(versioned("SELECT queueapp_submit(ARRAY[%s::bigint], %s::jsonb, 1, true)"), owner, jobs)
        site.until(lambda: "last" in file.read_text(), "the last end is told")
    finally:
        site.stop()
        site.drop_database()
    got = file.read_text().split("\n")[:-1]
    assert list(dict.fromkeys(got)) == [f"{name} succeeded" for name in names]
    assert got.count("ends-the-process succeeded") == 2
