"""Messages of webhooks as jobs: one for each webhook that is told of an end, one more when it is sent again, or tested.

The jobs of all webhooks of one owner are in a flow of their own. So a receiver that hangs holds up no other owner's
messages: see policy/rules.py, SYSTEM_TERMS.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ..db.clock import database_now
from ..errors import BacklogFull, JobConflict
from ..i18n import gettext_noop
from ..job_ids import job_id_problem
from ..lifecycle.quota import count_waiting
from ..lifecycle.submit import submit
from ..lifecycle.validation import Submission
from ..lifecycle.webhooks import switch_off
from ..models import Job, Outcome, Owner, Webhook
from ..policy.rules import SYSTEM
from ..snapshots import shapes
from ..snapshots.jobs import describe
from ..snapshots.shapes import iso

DELIVERY = "queueapp.webhook"
"""The task that sends one message."""
EXPECTED_SECONDS = 0.2
"""Processor seconds of a delivery, as declared."""
MAX_WAITING = 100_000
"""Maximum number of messages of one owner that wait, instead of the quota: each has some kilobytes."""
MAX_AT_ONCE = 200
"""Messages that are made and submitted at once: each may have a hundred kilobytes, and a `jsonb` value at most 256 MB.
"""

A_TEST = gettext_noop("a test")
"""What a test message is about. It is stored in English, and translated where it is shown."""
TOO_MANY = gettext_noop("So many messages wait that no more are taken in.")
"""Why a webhook is switched off; likewise."""

Message = tuple[str, dict[str, Any]]
"""A job of the task DELIVERY: its job_id and its payload."""


def queue_owner(owner: int) -> Owner:
    """Return the owner of the jobs that send messages of this owner's webhooks."""
    return Owner.objects.of_key(f"{SYSTEM}webhooks:{owner}")


def send_completions(jobs: Sequence[int]) -> None:
    """Submit a message for each webhook that is told of the ends of these jobs. One query if there is none.

    A repeated call submits nothing twice, as long as the jobs are not retried meanwhile. An owner for whom more than
    MAX_WAITING messages would wait has the webhooks switched off.
    """
    hooks = defaultdict(list)
    ended_owners = Outcome.objects.filter(job__in=jobs).values("owner")
    for hook in Webhook.objects.sending().filter(owner__in=ended_owners):
        hooks[hook.owner_id].append(hook)
    if not hooks:
        return
    rows = Job.objects.ended_brief().filter(owner__in=hooks).exclude(task=DELIVERY).in_bulk(jobs)
    for owner, theirs in hooks.items():
        ended = [row for job in jobs if (row := rows.get(job)) and row.owner_id == owner and row.ended]
        told = [(hook, row) for row in ended for hook in theirs if _is_told(hook, row.outcome)]
        try:
            for start in range(0, len(told), MAX_AT_ONCE):
                _submit(owner, [_completion(*one) for one in told[start : start + MAX_AT_ONCE]])
        except BacklogFull:
            switch_off([hook.pk for hook in theirs], TOO_MANY)


def send_test(hook: Webhook) -> str:
    """Submit a message that is only a test. Return the job_id of its delivery. Raises BacklogFull."""
    identity = uuid.uuid4().hex
    body = _body("webhook.test", iso(database_now()), {"webhook": hook.pk})
    return _submit(hook.owner_id, [_message(hook, f"test-{identity}", f"msg_{identity}", A_TEST, body)])


def send_again(hook: Webhook, delivery: str) -> str | None:
    """Submit the message of an earlier delivery once more, with the same webhook-id. Return the new delivery's job_id.

    None: the webhook has no such delivery. Raises BacklogFull.
    """
    earlier = None if job_id_problem(delivery) else deliveries(hook).filter(name=delivery).first()
    if earlier is None:
        return None
    first = delivery.partition("~")[0]
    return _submit(hook.owner_id, [(f"{first}~{uuid.uuid4().hex}", earlier.payload)])


def deliveries(hook: Webhook) -> Any:
    """Return the jobs that send, or have sent, messages of this webhook."""
    owner = Owner.objects.filter(key=f"{SYSTEM}webhooks:{hook.owner_id}").values("pk")
    return Job.objects.filter(owner__in=owner, task=DELIVERY, payload__webhook=hook.pk)


def _is_told(hook: Webhook, outcome: Outcome) -> bool:
    return outcome.number > hook.after and outcome.status in hook.statuses


def _completion(hook: Webhook, row: Job) -> Message:
    outcome = row.outcome
    moment, data = outcome.finished_at, describe(row, outcome.finished_at, ended=outcome)
    # With the moment, as a database that was restored from a backup draws the same numbers again.
    identity = f"{outcome.number}-{int(moment.timestamp() * 1000):x}"
    about = f"{row.name} {outcome.status}"
    return _message(hook, identity, f"msg_{hook.pk}-{identity}", about, _body("job.completed", iso(moment), data))


def _body(kind: str, moment: str, data: shapes.Job | dict[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": moment, "data": data}, ensure_ascii=False, separators=(",", ":"))


def _message(hook: Webhook, identity: str, message: str, about: str, body: str) -> Message:
    return f"{hook.pk}-{identity}", {"webhook": hook.pk, "message": message, "about": about, "body": body}


def _submit(owner: int, messages: Iterable[Message]) -> str:
    """Submit messages. Return the job_id of the last. Those that are there already, by their job_id, are left alone.

    Raises BacklogFull.
    """
    asked = [
        Submission(job_id=job_id, task=DELIVERY, payload=payload, duration=EXPECTED_SECONDS)
        for job_id, payload in messages
    ]
    if not asked:
        return ""
    queue = queue_owner(owner)
    if count_waiting(queue.pk, MAX_WAITING) + len(asked) > MAX_WAITING:
        raise BacklogFull(MAX_WAITING)
    while asked:
        try:
            submit(queue, asked, quota=False)
            return asked[-1].job_id
        except JobConflict as known:  # the user was renamed in between
            asked = [job for index, job in enumerate(asked) if index not in known.indexes]
    return ""
