"""The task that delivers one message of a webhook, and what comes of it for the webhook."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.db.models import F

from ..db.clock import database_now
from ..errors import JobFailed
from ..i18n import gettext_noop
from ..lifecycle.webhooks import private_networks, switch_off
from ..models import Webhook
from ..policy.backoff import gives_up
from ..registry import JobContext, task
from ..storable import clean_text
from .webhooks import DELIVERY

ATTEMPTS = 16
"""Attempts at a message. With the delays of QUEUEAPP they take about an hour."""
TIME_LIMIT_SECONDS = 15.0
"""Maximum seconds of an attempt, all waits together."""
MAX_FAILURES = 20
"""Messages in a row that could not be delivered, after which a webhook is switched off."""
GONE = 410


class NotDelivered(Exception):
    """The message was not delivered. Another attempt follows."""


@task(DELIVERY, max_attempts=ATTEMPTS, time_limit=TIME_LIMIT_SECONDS, internal=True)
def deliver(job: JobContext, webhook: int, message: str, about: str, body: str) -> dict[str, Any]:
    """Send a message. Return what the receiver answered.

    Raises NotDelivered unless it answers 2xx, and JobFailed if no other attempt is to follow. The answer 410 switches
    the webhook off, and so do MAX_FAILURES messages in a row for which all attempts failed.
    """
    hook = Webhook.objects.sending().filter(pk=webhook).first()
    if hook is None:
        raise JobFailed("The webhook was deleted or is switched off, or its user is deactivated.")
    try:
        sent = _send(hook, message, body)
    except BaseException as failure:
        if isinstance(failure, JobFailed) or gives_up(job.attempt, ATTEMPTS):
            _note_failure(hook)
        raise
    if hook.failures:
        Webhook.objects.filter(pk=webhook).update(failures=0)
    return sent


def _send(hook: Webhook, message: str, body: str) -> dict[str, Any]:
    import httpcore  # here, as the first delivery of a process needs it, and others never

    from .post import AddressRefused, post

    begun = time.monotonic()
    try:
        answer = post(hook.url, signed_headers(hook, message, body), body, private_networks())
    except AddressRefused as refused:
        raise JobFailed(str(refused)) from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}".rstrip(": ")) from None
    took, begins = round((time.monotonic() - begun) * 1000), clean_text(answer.begins, 300)
    if answer.status == GONE:
        switch_off([hook.pk], gettext_noop("The receiver answered 410: it is gone."))
        raise JobFailed("The receiver answered 410: it is gone.")
    if not 200 <= answer.status < 300:
        raise NotDelivered(f"The receiver answered {answer.status} after {took} ms. {begins}".rstrip())
    return {"status": answer.status, "milliseconds": took, "answer": begins}


def signed_headers(hook: Webhook, message: str, body: str) -> dict[bytes | str, bytes | str]:
    """Return the headers of an attempt, as https://www.standardwebhooks.com has them.

    For a day after a rotation they are signed with both secrets.
    """
    from standardwebhooks.webhooks import Webhook as Signer

    now = datetime.now(UTC)
    secrets = [hook.secret]
    if hook.former_until is not None and hook.former_until > database_now():
        secrets.append(hook.former_secret)
    return {
        "content-type": "application/json",
        "user-agent": "Turnabout",
        "accept-encoding": "identity",
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(secret).sign(message, now, body) for secret in secrets),
    }


def _note_failure(hook: Webhook) -> None:
    Webhook.objects.filter(pk=hook.pk).update(failures=F("failures") + 1)
    if hook.failures + 1 >= MAX_FAILURES:
        switch_off([hook.pk], f"{MAX_FAILURES} messages in a row could not be delivered.")
