"""What can go wrong, in words for the one who did it. An exception's docstring is its message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with one field of the input."""

    field: str
    message: str
    index: int | None = None  # of the job in a bulk submission


class QueueError(Exception):
    """Something about this request to the queue is wrong."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


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
        super().__init__(f"One user may have at most {most} API keys, expired ones included. Revoke one first.")


class InvalidWebhook(InvalidSubmission):
    """The webhook is not valid."""


class WebhookTaken(InvalidWebhook):
    """There is a webhook with this address."""


class TooManyWebhooks(QueueError):
    """An owner has as many webhooks as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"One user may have at most {most} webhooks. Delete one first.")


class TooManyShares(QueueError):
    """A job has as many links as one may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"One job may have at most {most} links. Revoke one first.")


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
        super().__init__(f"At most {most:,} jobs of one user may wait. Try again when some have begun.")


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
