"""The queue's own settings, typed, with their units. Read from Django's setting QUEUEAPP, a dictionary."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


@dataclass(frozen=True)
class QueueSettings:
    """Every setting of the queue with its default."""

    QUANTUM_SECONDS: float = 0.02
    """Seconds of expected time that one turn takes from a flow, at least one job. A round trip to the database takes a
    twentieth of it: less would cost speed, more would cost evenness among short jobs."""
    MAX_TURN_JOBS: int = 100
    """Maximum number of jobs in a turn."""
    WORKER_SLICE_SECONDS: float = 1.0
    """Seconds after which a processor gives django-q2's own tasks a chance."""
    LEASE_SECONDS: float = 15.0
    """Seconds without a sign of life after which a processor's jobs go to others."""
    HEARTBEAT_SECONDS: float = 0.5
    """Seconds between signs of life, and writes of progress, of a processor at work."""
    SWEEP_SECONDS: float = 3.0
    """Seconds between rounds of housekeeping: rescue, forgotten flows, rules that begin or end."""
    WATCHDOG_SECONDS: float = 5.0
    """Seconds of a ready flow, a free processor and no claim after which a cluster is started afresh."""
    MAX_ATTEMPTS: int = 3
    """Attempts at a job before it fails, where its task does not say."""
    RETRY_DELAY_SECONDS: float = 2.0
    """Seconds before the second attempt; twice as many before each further one, less a random part."""
    RETRY_DELAY_MAX_SECONDS: float = 600.0
    """Maximum delay before a further attempt, in seconds."""
    CANCEL_GRACE_SECONDS: float = 3.0
    """Seconds that a job has to stop when it is asked to, before its process is ended."""
    MAX_RESULT_CHARS: int = 1_000_000
    """Maximum length of a job's result as JSON, in characters. A job with a longer one fails."""
    TASK_PROCESS_MEMORY_MB: float = 512.0
    """Megabytes that a task process may still hold after a job; with more it is replaced."""
    TASK_PROCESS_FOR: str = "many"
    """Jobs that a task process serves: `many`, as long as it is as it was; those of one `owner`, or one `job`, which
    also keeps apart what tasks change of Python's objects. Another process takes some milliseconds."""
    UNKNOWN_TASK_DELAY_SECONDS: float = 15.0
    """Seconds that a job waits for a processor that has its task, where the one that took it has not."""
    RETENTION_DAYS: int = 90
    """Days that finished jobs are kept; 0: for ever."""
    SHUTDOWN_GRACE_SECONDS: float = 10.0
    """Seconds that running jobs have to end when a cluster is stopped."""
    MAX_DURATION_SECONDS: float = 7 * 24 * 3600.0
    """Longest duration, in seconds, that a job may declare."""
    MAX_BULK_JOBS: int = 10_000
    """Maximum number of jobs in one bulk submission."""
    MAX_PAYLOAD_BYTES: int = 65_536
    """Maximum size of a job's payload as JSON, in bytes."""
    MAX_NESTING: int = 50
    """Maximum depth of lists and objects within one another in a request."""
    MAX_BODY_BYTES: int = 262_144
    """Maximum size of a request, in bytes."""
    MAX_BULK_BODY_BYTES: int = 33_554_432
    """Maximum size of a bulk submission, in bytes."""
    MAX_BULK_VALUES: int = 1_000_000
    """Maximum number of values (commas, colons, opening brackets outside of strings) in a request's JSON. Each takes up
    to about 100 bytes of memory, however few it takes in the request."""
    BULKS_AT_ONCE: int = 2
    """Maximum number of bulk submissions that one web process reads at the same time."""
    BULK_WAIT_SECONDS: float = 10.0
    """Seconds that a further bulk submission waits for its turn before it is refused."""
    MAX_WAITING_JOBS: int = 1_000_000
    """Maximum number of queued jobs of one user; 0: no limit."""
    MAX_STREAMS: int = 20
    """Maximum number of event streams of one user in one web process; 0: no limit."""
    SUBMISSIONS_PER_MINUTE: int = 6_000
    """Requests of one user that submit, whether one job or many; 0: no limit, here and below."""
    REQUESTS_PER_MINUTE: int = 12_000
    """All other requests of one user, or of one address where nobody is logged in."""
    LOGINS_PER_MINUTE: int = 30
    """Passwords tried from one address."""
    CHECKSUM_FOLDER: str = ""
    """The folder whose files the task `checksum` may read; empty: none."""

    def __post_init__(self) -> None:
        for name in (
            "QUANTUM_SECONDS",
            "MAX_TURN_JOBS",
            "WORKER_SLICE_SECONDS",
            "LEASE_SECONDS",
            "HEARTBEAT_SECONDS",
            "SWEEP_SECONDS",
            "WATCHDOG_SECONDS",
            "MAX_ATTEMPTS",
            "RETRY_DELAY_SECONDS",
            "MAX_BULK_JOBS",
            "CANCEL_GRACE_SECONDS",
            "MAX_RESULT_CHARS",
            "TASK_PROCESS_MEMORY_MB",
            "UNKNOWN_TASK_DELAY_SECONDS",
            "BULKS_AT_ONCE",
        ):
            if not getattr(self, name) > 0:
                raise ImproperlyConfigured(f"Set QUEUEAPP[{name!r}] to a number above 0.")
        if self.TASK_PROCESS_FOR not in ("many", "owner", "job"):
            raise ImproperlyConfigured("Set QUEUEAPP['TASK_PROCESS_FOR'] to 'many', 'owner' or 'job'.")
        if self.MAX_TURN_JOBS > 1_000:
            raise ImproperlyConfigured("Set QUEUEAPP['MAX_TURN_JOBS'] to at most 1,000.")
        if self.LEASE_SECONDS < 3 * self.HEARTBEAT_SECONDS:
            raise ImproperlyConfigured(
                "Set QUEUEAPP['LEASE_SECONDS'] to at least three times QUEUEAPP['HEARTBEAT_SECONDS']."
            )


@lru_cache(maxsize=1)
def queue_settings() -> QueueSettings:
    """The settings in force. Raises ImproperlyConfigured, in one sentence, for a wrong or unknown one."""
    given = getattr(settings, "QUEUEAPP", {})
    known = {field.name for field in fields(QueueSettings)}
    if unknown := sorted(set(given) - known):
        raise ImproperlyConfigured(f"Remove {', '.join(unknown)} from QUEUEAPP: there is no such setting.")
    return QueueSettings(**given)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "QUEUEAPP":
        queue_settings.cache_clear()


setting_changed.connect(_forget)
