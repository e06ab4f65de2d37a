"""The audit: sound after real work, and each kind of damage is said in words."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.claim import take_turn
from queueapp.lifecycle.heartbeat import register
from queueapp.lifecycle.rescue import rescue_cluster
from queueapp.models import Job
from queueapp.snapshots.audit import audit
from tests.queue import ask, everyone_takes_turns, make_user, settle

pytestmark = pytest.mark.usefixtures("no_rules")


def a_working_queue() -> None:
    """Jobs that wait, run, were rescued, cancelled, and ended, of two users."""
    everyone_takes_turns()
    ask(make_user("ada"), *[f"a{n}" for n in range(6)])
    ask(make_user("bob"), *[f"b{n}" for n in range(4)], duration=0.03)
    first, second, third = (register(name).pk for name in ("c", "c", "lost"))
    take_turn(third)
    rescue_cluster("lost")
    settle(first, take_turn(first), more=True)
    take_turn(second)
    cancel(Job.objects.get(job_id="a5"))


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
        ("UPDATE queueapp_tally SET backlogged = false", "flows rest although jobs wait"),
        ("UPDATE queueapp_tally SET busy = busy + 1", "flows count other processors"),
        ("UPDATE queueapp_tally SET held = true", "flows are held"),
        ("UPDATE queueapp_processor SET lease_until = now() - interval '1 hour'", "lease ran out"),
        ("UPDATE queueapp_processor SET attempts = '{}'", "turns do not fit"),
        ("UPDATE queueapp_user SET flow_id = NULL; UPDATE queueapp_waiting SET flow_id = 0", "wait in no flow"),
        ("UPDATE queueapp_outcome SET attempt = 7 WHERE status = 'succeeded'", "attempts do not add up"),
    ],
)
def test_what_is_off_is_said(damage: str, says: str) -> None:
    a_working_queue()
    with connection.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(CommandError, match=says):
        call_command("audit")
