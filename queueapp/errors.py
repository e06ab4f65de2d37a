"""What can go wrong, in words for the one who did it. An exception's docstring is its message."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from .i18n import whole_number


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with one field of the input."""

    field: str
    message: str
    index: int | None = None  # of the job in a bulk submission


class QueueError(Exception):
    """Something about this request to the queue is wrong."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or _translated((type(self).__doc__ or "").strip()))


def _translated(text: str) -> str:
    return gettext(text) if text else ""


class InvalidSubmission(QueueError):
    """The submission is not valid."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__()
        self.errors = errors


class InvalidQuery(InvalidSubmission):
    """The query of the address is not valid."""


class InvalidFilter(InvalidSubmission):
    """The filter is not valid."""


class InvalidKey(InvalidSubmission):
    """The API key is not valid."""


class KeyNameTaken(InvalidKey):
    """The user has an API key of this name."""


class ScopeNotAllowed(InvalidKey):
    """The user may not have an API key with this scope."""


class TooManyKeys(QueueError):
    """A user has as many API keys as one may have."""

    def __init__(self, most: int) -> None:
        text = gettext("One user may have at most %(most)s API keys, expired ones included. Revoke one first.")
        super().__init__(text % {"most": most})


class InvalidWebhook(InvalidSubmission):
    """The webhook is not valid."""


class WebhookTaken(InvalidWebhook):
    """There is a webhook with this address."""


class TooManyWebhooks(QueueError):
    """An owner has as many webhooks as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(gettext("One user may have at most %(most)s webhooks. Delete one first.") % {"most": most})


class TooManyShares(QueueError):
    """A job has as many links as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(gettext("One job may have at most %(most)s links. Revoke one first.") % {"most": most})


class JobConflict(QueueError):
    """A job with this job_id exists with other content; nothing was changed."""

    def __init__(self, indexes: list[int]) -> None:
        super().__init__()
        self.indexes = indexes


class NotCancellable(QueueError):
    """Only a job that waits or runs can be cancelled."""


class NotWaiting(QueueError):
    """The job does not wait."""


class NotMovable(QueueError):
    """Only a job that waits, in a line of its owner's own, can be moved."""


class BacklogFull(QueueError):
    """So many jobs of one user wait that no more are taken in for now."""

    retry_after = 10

    def __init__(self, most: int) -> None:
        text = gettext("At most %(most)s jobs of one user may wait. Try again when some have begun.")
        super().__init__(text % {"most": whole_number(most)})


class JobFailed(QueueError):
    """The job cannot be done."""


class NotRetryable(QueueError):
    """Only a job that failed or was cancelled can be tried again."""


class JobStopped(BaseException):
    """Raised inside a task that is to stop. Not an Exception, so that a task's own handlers let it through."""


class TimeLimitReached(JobStopped):
    """It reached its time limit."""


class JobCancelled(JobStopped):
    """It was cancelled while it ran."""


class LeaseLost(JobStopped):
    """Its processor was thought dead, and the job was given to another."""


class SpanTooLarge(QueueError):
    """So much happened in this span that it cannot be shown at once; choose a shorter one."""


class JobNotFound(QueueError):
    """There is no job with this job_id. One that was submitted in a transaction is there after its commit."""


class InTransaction(QueueError):
    """Not in a transaction, which would hold up others until its end. Call it after the commit."""


class WaitTimeout(QueueError, TimeoutError):
    """The job has not ended in time. It goes on."""
