r"""The states of a job. Only how it ended is stored; the others follow from where the job is.

submit            claim                    settle
------> queued ------------> running ------------> succeeded | failed
          ^  \                  |  \
          |   \ cancel          |   `--> cancelled
          |    `--> cancelled   |
          `---------------------'
            a failed attempt, or rescue: its processor died
"""

from enum import StrEnum


class Status(StrEnum):
    """What a user is told about a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
"""The states that are stored, as the outcome of a job, and never change again."""
RETRYABLE = (Status.FAILED, Status.CANCELLED)
"""How a job ended that can be tried again."""
