r"""The states of a job. Only the state of a finished job is stored. The others follow from the tables it is in.

submit            claim                    settle
------> queued ------------> running ------------> succeeded | failed
          ^  \                  |  \
          |   \ cancel          |   `--> cancelled
          |    `--> cancelled   |
          `---------------------'
            a failed attempt; a rescue: the lease ran out, or the worker died

A retry takes a failed or cancelled job back to queued.
"""

from enum import StrEnum


class Status(StrEnum):
    """The state of a job as its user sees it."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
"""The states that are stored, in the outcome of a job. Only a retry changes them: it deletes the outcome."""
RETRYABLE = (Status.FAILED, Status.CANCELLED)
"""The states from which a job can be retried."""
