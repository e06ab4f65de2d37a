"""The keys of advisory locks, of 64 bits and different for different things, and the place of one in the order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection

from queueapp.db.routines import versioned
from queueapp.lifecycle.cancel import cancel, cancel_jobs
from queueapp.lifecycle.processors import register
from queueapp.lifecycle.turn import take_turn
from queueapp.models import Flow, Job, Owner
from queueapp.snapshots import completions_after, last_number
from queueapp.snapshots.audit import audit
from tests.kit.queue import (
    await_a_waiter,
    everyone_takes_turns,
    in_thread,
    make_owner,
    names,
    run_all,
    second_connection,
    submit_jobs,
)

pytestmark = pytest.mark.usefixtures("no_rules")

BEYOND = 2**32 + 7


def test_users_and_flows_work_whose_ids_have_more_than_32_bits() -> None:
    everyone_takes_turns()
    with connection.cursor() as cursor:
        for table in (Owner, Flow):
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table._meta.db_table, BEYOND])
    ada, bob = make_owner("ada"), make_owner("bob")
    submit_jobs(ada, "a0", "a1")
    submit_jobs(bob, "b0")
    cancel(Job.objects.get(name="a1"))
    assert Flow.objects.filter(pk__gt=BEYOND).count() == 2
    assert run_all(register("c").pk) == ["a0", "b0"]
    told = completions_after({ada.pk: 0, bob.pk: 0})
    assert [completion.job["job_id"] for completion in told] == ["a1", "a0", "b0"]
    assert last_number(ada.pk) == told[1].number


def test_no_two_things_have_one_key() -> None:
    ids = [0, 1, 7200, 2**31, 2**32, 2**48 - 1]
    with connection.cursor() as cursor:
        cursor.execute(
            versioned(
                "SELECT queueapp_routing_lock(), queueapp_order_lock(), array_agg(queueapp_flow_lock(id)),"
                " array_agg(queueapp_owner_lock(id)) FROM unnest(%s::bigint[]) AS i(id)"
            ),
            [ids],
        )
        routing, order, flows, owners = cursor.fetchone()
    assert len({routing, order, *flows, *owners}) == 2 + 2 * len(ids)


@pytest.mark.parametrize("many", [1, 2])
def test_a_cancellation_that_waits_for_its_owner_keeps_no_waiting_row_from_claims(many: int) -> None:
    """A claim that waited for the row would hold a flow that a settlement wants, which the owner's reader waits for."""
    everyone_takes_turns()
    ada = make_owner("ada")
    submit_jobs(ada, *[f"a{n}" for n in range(many)])
    jobs = list(Job.objects.values_list("pk", flat=True))
    with second_connection() as reader, ThreadPoolExecutor() as pool:
        reader.execute(versioned("SELECT pg_advisory_xact_lock(queueapp_owner_lock(%s))"), [ada.pk])
        cancelling = pool.submit(in_thread, partial(cancel_jobs, ada.pk, jobs))
        await_a_waiter(cancelling.done)
        assert len(names(take_turn(register("c").pk).jobs)) == 1, "it does not wait"
        reader.rollback()
        came = cancelling.result()
    assert (len(came.cancelled), len(came.stopping)) == (many - 1, 1)
    assert audit() == []
