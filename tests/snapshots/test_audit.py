"""The audit: sound after real work, and each kind of damage is said in words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from threading import Event

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.maintenance.sweep import Sweeping, recount
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.reorder import reorder
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.lifecycle.turn import take_turn
from queueapp.models import FlowState, Job, Outcome
from queueapp.snapshots.audit import audit
from tests.kit.queue import (
    await_a_waiter,
    everyone_takes_turns,
    in_thread,
    make_owner,
    names,
    run_all,
    settle,
    submit_jobs,
)
from tests.kit.totals import count_all

pytestmark = pytest.mark.usefixtures("no_rules")


def a_working_queue() -> None:
    """Jobs that wait, run, were rescued, cancelled, and ended, of two users."""
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), *[f"a{n}" for n in range(6)])
    submit_jobs(make_owner("bob"), *[f"b{n}" for n in range(4)], duration=0.03)
    first, second, third = (register(name).pk for name in ("c", "c", "lost"))
    take_turn(third)
    rescue_cluster("lost")
    settle(first, take_turn(first), more=True)
    take_turn(second)
    cancel(Job.objects.get(name="a5"))
    reorder(Job.objects.get(name="a4"), front=True)


def test_a_queue_at_work_is_sound() -> None:
    a_working_queue()
    assert audit() == []
    out = StringIO()
    call_command("audit", stdout=out)
    assert "All is well" in out.getvalue()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM queueapp_waiting WHERE job_id = (SELECT max(job_id) FROM queueapp_waiting)", "1 jobs are lost"),
        ("UPDATE queueapp_processor SET jobs = '{}', attempts = '{}', job_id = NULL", "jobs are lost"),
        (
            "INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, expected, attempt)"
            " SELECT owner_id, job_id, flow_id, 1, 1 FROM queueapp_outcome WHERE status = 'succeeded' LIMIT 1",
            "1 jobs have ended and wait all the same",
        ),
        ("UPDATE queueapp_flowstate SET backlogged = false", "flows rest although jobs wait"),
        ("UPDATE queueapp_flowstate SET busy = busy + 1", "flows count other processors"),
        ("UPDATE queueapp_flowstate SET scan_from = scan_from + 1e9", "out of sight, before their scan"),
        (
            "UPDATE queueapp_flowstate t"
            " SET head = (SELECT min(job_id) FROM queueapp_waiting w WHERE w.flow_id = t.flow_id)",
            "another head than the first",
        ),
        ("UPDATE queueapp_job SET moved_to = NULL", "wait in another place than they have"),
        ("UPDATE queueapp_flow SET owner_id = NULL", "among the jobs of others"),
        ("UPDATE queueapp_flowstate SET held = true", "flows are held"),
        ("UPDATE queueapp_processor SET lease_until = now() - interval '1 hour'", "lease ran out"),
        ("UPDATE queueapp_processor SET attempts = '{}'", "turns do not fit"),
        ("UPDATE queueapp_owner SET flow_id = NULL; UPDATE queueapp_waiting SET flow_id = 0", "wait in no flow"),
        ("UPDATE queueapp_outcome SET attempt = 7 WHERE status = 'succeeded'", "attempts do not add up"),
    ],
)
def test_what_is_off_is_said(damage: str, says: str) -> None:
    a_working_queue()
    with connection.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(CommandError, match=says):
        call_command("audit")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE queueapp_tasktotal SET succeeded = succeeded + 1", "other totals of a task"),
        ("DELETE FROM queueapp_tasktotal", "other totals of a task"),
        ("UPDATE queueapp_flowtotal SET ended = ended - 1", "totals of a flow that miss jobs"),
        ("DELETE FROM queueapp_flowtotal", "totals of a flow that miss jobs"),
        ("UPDATE queueapp_ownertotal SET succeeded = succeeded - 1", "other totals of an owner"),
        ("DELETE FROM queueapp_ownertotal", "other totals of an owner"),
    ],
)
def test_totals_that_are_off_are_said(damage: str, says: str) -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0", "a1", "a2")
    run_all(register("c").pk)
    # The first half hour and the first day are left out, as jobs of them may have been pruned.
    Outcome.objects.filter(job__name="a0").update(finished_at=timezone.now() - timedelta(days=1))
    count_all()
    assert audit() == []
    with connection.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(CommandError, match=says):
        call_command("audit")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE queueapp_flowstate SET busy = busy + 1",
        "UPDATE queueapp_flowstate SET busy = 0",
        "UPDATE queueapp_flowstate SET backlogged = false",
        "UPDATE queueapp_flowstate SET held = true",
        "UPDATE queueapp_flowstate SET scan_from = 1e15",
        "UPDATE queueapp_flowstate t"
        " SET head = (SELECT min(job_id) FROM queueapp_waiting w WHERE w.flow_id = t.flow_id)",
        "UPDATE queueapp_flowstate SET weight = 7",
        "INSERT INTO queueapp_orderstart VALUES (1, 1e9) ON CONFLICT (id) DO UPDATE SET vtime = 1e9",
        "UPDATE queueapp_owner SET flow_id = (SELECT min(id) FROM queueapp_flow)",
        "UPDATE queueapp_waiting SET flow_id = NULL",
        "UPDATE queueapp_processor SET lease_until = now() - interval '1 hour'",
    ],
)
def test_what_can_be_mended_is_mended_by_a_repair(damage: str) -> None:
    a_working_queue()
    with connection.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(CommandError):
        call_command("audit")
    out = StringIO()
    call_command("audit", "--repair", stdout=out)
    assert "Before the repair: " in out.getvalue()
    assert "All is well" in out.getvalue()
    jobs = [job for name in ("x", "y") for job in names(take_turn(register(name).pk).jobs)]
    assert jobs, "and the queue works on"


def test_a_user_who_is_shut_out_by_a_wrong_count_gets_turns_after_the_next_sweep() -> None:
    everyone_takes_turns(cap=1)
    submit_jobs(make_owner("ada"), "job")
    FlowState.objects.update(busy=1)
    processor = register("c").pk
    assert take_turn(processor).jobs == []
    Sweeping().sweep()
    assert names(take_turn(processor).jobs) == ["job"]


def test_a_count_is_right_whatever_turn_is_under_way() -> None:
    everyone_takes_turns()
    submit_jobs(make_owner("ada"), "a0", "a1")
    first, second = register("c").pk, register("c").pk
    take_turn(first)
    taken, go_on = Event(), Event()

    def take_late() -> None:
        with transaction.atomic():
            take_turn(second)
            taken.set()
            go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        taking = pool.submit(in_thread, take_late)
        taken.wait(30)
        counting = pool.submit(in_thread, lambda: recount("SELECT flow_id FROM queueapp_flowstate"))
        try:
            await_a_waiter(counting.done)
        finally:
            go_on.set()
        taking.result()
        assert counting.result() == 0
    assert FlowState.objects.get().busy == 2
