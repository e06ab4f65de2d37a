"""Client of Turnabout, a fair job queue for many users.

    with Client("http://127.0.0.1:8000", username="alice", password="...") as queue:
        job = queue.submit("resize", {"width": 640, "height": 480}, duration=2)
        print(queue.wait(job.job_id).result)

AsyncClient has the same methods as coroutines and asynchronous iterators.
"""

from ._async import AsyncClient
from ._sync import Client
from .credentials import FileTokens, MemoryTokens, Tokens, TokenStore
from .errors import (
    ApiError,
    Conflict,
    FieldError,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotTurnabout,
    RateLimited,
    TimedOut,
    TurnaboutError,
    Unavailable,
    Unreachable,
)
from .shapes import (
    Attempt,
    BulkResult,
    CancelFilter,
    Cancelled,
    Completed,
    End,
    Estimates,
    Event,
    Job,
    JobFilter,
    JobLog,
    Moved,
    Processors,
    Progress,
    Queue,
    Reconnecting,
    Reset,
    Retried,
    RetryFilter,
    RunningJob,
    Share,
    Status,
    Submission,
    Wait,
    WaitingJob,
)
from .view import QueueView

__version__ = "0.1.0"

__all__ = [
    "ApiError",
    "AsyncClient",
    "Attempt",
    "BulkResult",
    "CancelFilter",
    "Cancelled",
    "Client",
    "Completed",
    "Conflict",
    "End",
    "Estimates",
    "Event",
    "FieldError",
    "FileTokens",
    "InvalidRequest",
    "Job",
    "JobFilter",
    "JobLog",
    "MemoryTokens",
    "Moved",
    "NotAllowed",
    "NotAuthenticated",
    "NotFound",
    "NotTurnabout",
    "Processors",
    "Progress",
    "Queue",
    "QueueView",
    "RateLimited",
    "Reconnecting",
    "Reset",
    "Retried",
    "RetryFilter",
    "RunningJob",
    "Share",
    "Status",
    "Submission",
    "TimedOut",
    "TokenStore",
    "Tokens",
    "TurnaboutError",
    "Unavailable",
    "Unreachable",
    "Wait",
    "WaitingJob",
]
