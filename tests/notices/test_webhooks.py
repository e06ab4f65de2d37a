"""Webhooks, from the end of a job to a real receiver: what it gets, how often, and what comes of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Count
from pytest_django import Settings
from standardwebhooks.webhooks import WebhookVerificationError

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.retry import try_again
from queueapp.lifecycle.submit import submit
from queueapp.lifecycle.validation import parse
from queueapp.lifecycle.webhooks import (
    NewWebhook,
    WebhookChange,
    change_webhook,
    make_webhook,
    parse_webhook,
    rotate_secret,
)
from queueapp.models import Job, Owner, SignalCursor, Webhook
from queueapp.notices import delivery, post, webhooks
from queueapp.notices.webhooks import DELIVERY, deliveries, send_again, send_test
from queueapp.testing import run_jobs
from queueapp.workers import completed
from queueapp.workers.completed import send_completed
from tests.kit.queue import everyone_takes_turns, make_owner, submit_jobs
from tests.kit.receiver import Receiver, receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> Owner:
    everyone_takes_turns()
    return make_owner("ada")


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def hook_to(owner: Owner, url: str, **fields: Any) -> Webhook:
    return make_webhook(owner, parse_webhook(NewWebhook, {"url": url} | fields))


def finish(owner: Owner, *names: str) -> None:
    """Run these jobs to their ends, and enqueue what is told of them."""
    submit_jobs(owner, *names, duration=0.001)
    run_jobs()
    tell()


def tell() -> None:
    while send_completed():
        pass


def states(hook: Webhook) -> list[str]:
    return [str(job.status) for job in deliveries(hook).order_by("pk")]


def now(hook: Webhook) -> Webhook:
    hook.refresh_from_db()
    return hook


def test_an_end_is_told_once_signed_and_as_the_events_have_the_job(ada: Owner, there: Receiver) -> None:
    finish(ada, "before")
    hook = hook_to(ada, there.url)
    finish(ada, "render-7")
    tell()
    run_jobs()
    got = there.next()
    message = got.verified(hook.secret)
    assert message["type"] == "job.completed"
    data = message["data"]
    assert (data["job_id"], data["status"], data["user"], data["progress"]) == ("render-7", "succeeded", "ada", 1.0)
    assert message["timestamp"] == data["finished_at"]
    assert got.path == "/hook"
    with pytest.raises(WebhookVerificationError):
        got.verified(Webhook.objects.get().secret[:-4] + "AAA=")
    assert there.messages.empty()
    tell()
    run_jobs()
    assert there.messages.empty(), "deliveries are told to nobody"
    assert Job.objects.filter(owner=ada).count() == 2, "they are not the user's"


def test_a_repeated_look_and_further_attempts_send_the_same_id(ada: Owner, there: Receiver) -> None:
    there.answers[:] = [500, 302]
    hook = hook_to(ada, there.url)
    finish(ada, "a")
    SignalCursor.objects.update(number=hook.after)  # as if the sending process was killed before it noted what it sent
    ada.user.username = "renamed"  # type: ignore[union-attr]
    ada.user.save()  # type: ignore[union-attr]
    tell()
    run_jobs()
    got = [there.next() for _ in range(3)]
    assert len({one.headers["webhook-id"] for one in got}) == 1
    assert len({one.body for one in got}) == 1
    assert {one.path for one in got} == {"/hook"}, "a redirect is not followed"
    assert there.messages.empty()
    (done,) = deliveries(hook)
    errors = [attempt.error for attempt in done.attempts.order_by("number")]
    assert ("answered 500" in errors[0], "answer 500" in errors[0], "answered 302" in errors[1]) == (True, True, True)
    assert done.outcome.result["status"] == 204


def test_only_the_ends_that_were_asked_for_are_told_and_one_after_a_retry_again(ada: Owner, there: Receiver) -> None:
    hook_to(ada, there.url, statuses=["cancelled", "failed"])
    submit_jobs(ada, "a")
    cancel(Job.objects.get(name="a"))
    finish(ada, "b")
    try_again(Job.objects.get(name="a"))
    cancel(Job.objects.get(name="a"))
    tell()
    run_jobs()
    got = [there.next(), there.next()]
    assert [json.loads(one.body)["data"]["status"] for one in got] == ["cancelled"] * 2
    assert got[0].headers["webhook-id"] != got[1].headers["webhook-id"]
    assert there.messages.empty()


def test_large_values_are_left_out(ada: Owner, there: Receiver) -> None:
    hook = hook_to(ada, there.url)
    submit(ada, [parse({"job_id": "large", "duration": 1, "task": "says", "payload": {"text": "x" * 5_000}})])
    run_jobs()
    tell()
    run_jobs()
    data = there.next().verified(hook.secret)["data"]
    assert (data["status"], data["payload"], data["payload_omitted"]) == ("failed", None, True)
    assert len(data["error"]) <= 1_024


def test_410_switches_a_webhook_off_and_what_waits_is_not_sent(ada: Owner, there: Receiver) -> None:
    there.answers[:] = [410]
    hook = hook_to(ada, there.url)
    finish(ada, "a", "b")
    run_jobs()
    assert there.messages.qsize() == 1
    assert (now(hook).enabled, hook.off_reason) == (False, "The receiver answered 410: it is gone.")
    assert states(hook) == ["failed", "failed"]
    finish(ada, "c")
    change_webhook(hook, WebhookChange(enabled=True))
    finish(ada, "d")
    run_jobs()
    assert [json.loads(there.next().body)["data"]["job_id"] for _ in range(2)] == ["a", "d"]
    assert now(hook).off_reason == ""


def test_nothing_is_sent_for_a_user_who_is_deactivated(ada: Owner, there: Receiver) -> None:
    hook = hook_to(ada, there.url)
    finish(ada, "a")
    get_user_model()._default_manager.update(is_active=False)
    finish(ada, "b")
    run_jobs()
    assert states(hook) == ["failed"]
    get_user_model()._default_manager.update(is_active=True)
    finish(ada, "c")
    run_jobs()
    assert json.loads(there.next().body)["data"]["job_id"] == "c"


def test_messages_in_a_row_that_fail_switch_a_webhook_off_and_one_that_arrives_counts_anew(
    ada: Owner, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_FAILURES", 2)
    hook = hook_to(ada, there.url)
    there.answers[:] = [500] * delivery.ATTEMPTS
    finish(ada, "a")
    run_jobs()
    assert (now(hook).failures, hook.enabled) == (1, True)
    there.answers[:] = [500] * (delivery.ATTEMPTS - 1)
    finish(ada, "b")
    run_jobs()
    assert (now(hook).failures, hook.enabled, states(hook)) == (0, True, ["failed", "succeeded"])
    there.answers[:] = [500] * 2 * delivery.ATTEMPTS
    finish(ada, "c", "d")
    run_jobs()
    assert (now(hook).failures, hook.enabled) == (2, False)
    assert hook.off_reason == "2 messages in a row could not be delivered."
    change_webhook(hook, WebhookChange(enabled=True))
    assert (now(hook).failures, hook.off_reason) == (0, "")


def test_a_receiver_that_hangs_or_is_not_there_fails_the_attempt(
    ada: Owner, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post, "ANSWER_SECONDS", 0.05)
    there.answers[:] = [there.hang]
    hook = hook_to(ada, there.url)
    finish(ada, "a")
    run_jobs()
    (done,) = deliveries(hook)
    assert "ReadTimeout" in done.attempts.get().error
    assert done.status == "succeeded"


def test_a_message_is_sent_again_with_the_same_id_and_a_test_is_sent(ada: Owner, there: Receiver) -> None:
    hook, other = hook_to(ada, there.url), hook_to(ada, f"{there.url}/other", statuses=["failed"])
    finish(ada, "a")
    run_jobs()
    first = there.next()
    (sent,) = deliveries(hook)
    again = send_again(hook, sent.name)
    assert again is not None
    assert send_again(hook, again)
    assert send_again(other, sent.name) is None, "it is of another webhook"
    send_test(other)
    run_jobs()
    got = [there.next() for _ in range(3)]
    assert [one.headers["webhook-id"] == first.headers["webhook-id"] for one in got] == [True, True, False]
    assert (got[2].path, got[2].verified(other.secret)["type"]) == ("/hook/other", "webhook.test")


def test_after_a_rotation_both_secrets_verify_for_a_day(ada: Owner, there: Receiver) -> None:
    hook = hook_to(ada, there.url)
    rotated = rotate_secret(hook)
    assert rotate_secret(hook).secret == rotated.secret != hook.secret, "the button was pressed twice"
    send_test(hook)
    run_jobs()
    got = there.next()
    assert got.verified(hook.secret) == got.verified(rotated.secret)
    Webhook.objects.update(former_until=hook.created_at)
    send_test(hook)
    run_jobs()
    got = there.next()
    got.verified(rotated.secret)
    with pytest.raises(WebhookVerificationError):
        got.verified(hook.secret)
    assert rotate_secret(hook).secret != rotated.secret


def test_without_a_webhook_nothing_is_looked_for_and_no_process_is_needed(ada: Owner) -> None:
    assert not completed._is_needed()
    finish(ada, "a")
    assert not Job.objects.filter(task=DELIVERY).exists()


def test_the_messages_of_one_owner_take_one_processor_at_most_and_join_no_other_flow(
    ada: Owner, there: Receiver
) -> None:
    hook_to(ada, there.url)
    finish(ada, "a")
    queue = Owner.objects.get(key=f"queueapp:webhooks:{ada.pk}")
    assert queue.flow is not None
    assert (queue.flow.state.cap, queue.flow.owner_id) == (1, queue.pk)


def test_many_messages_are_submitted_a_few_at_a_time(
    ada: Owner, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all ends of a batch for ten webhooks, they can be too large for a value in the database: nobody's are sent."""
    monkeypatch.setattr(webhooks, "MAX_AT_ONCE", 5)
    hooks = [hook_to(ada, f"{there.url}/{n}") for n in range(3)]
    finish(ada, *"abcd")
    together = Job.objects.filter(task=DELIVERY).values("submitted_at").annotate(many=Count("pk"))
    assert sorted(one["many"] for one in together) == [2, 5, 5]
    assert [len(states(hook)) for hook in hooks] == [4, 4, 4]


def test_an_owner_for_whom_too_many_messages_wait_has_the_webhooks_switched_off(
    ada: Owner, there: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_to(ada, there.url)
    ben = make_owner("ben")
    bens = hook_to(ben, f"{there.url}/ben")
    submit_jobs(ada, "a", "b", duration=0.001)
    submit_jobs(ben, "c", duration=0.001)
    run_jobs()
    settings.QUEUEAPP = settings.QUEUEAPP | {"MAX_WAITING_JOBS": 1}
    tell()
    settings.QUEUEAPP = settings.QUEUEAPP | {"MAX_WAITING_JOBS": 0}
    assert (now(hook).enabled, now(bens).enabled, len(states(hook))) == (True, True, 2), "the quota is for users' jobs"
    submit_jobs(ada, "d", "e", duration=0.001)
    monkeypatch.setattr(webhooks, "MAX_WAITING", 1)
    run_jobs()
    tell()
    assert (now(hook).enabled, now(bens).enabled) == (False, True)
    assert "So many messages wait" in hook.off_reason
    assert connection.get_autocommit()
