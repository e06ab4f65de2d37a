"""The keys of advisory locks: of 64 bits, and different for different things."""

from __future__ import annotations

import pytest
from django.db import connection

from queueapp.db.routines import versioned
from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.processors import register
from queueapp.models import Flow, Job, Owner
from queueapp.snapshots import completions_after, last_number
from tests.kit.queue import everyone_takes_turns, make_owner, run_all, submit_jobs

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
