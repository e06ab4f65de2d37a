"""The settings of the queue, typed and with their units, from the dictionary QUEUEAPP in Django's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


@dataclass(frozen=True)
class QueueSettings:
    """All settings of the queue with their defaults."""

    QUANTUM_SECONDS: float = 0.02
    """Expected seconds up to which a turn takes jobs of a flow, at least one. A round trip to the database takes a
    twentieth of this. A smaller quantum costs speed, a larger one costs evenness among short jobs."""
    MAX_TURN_JOBS: int = 100
    """Maximum number of jobs in a turn."""
    WORKER_SLICE_SECONDS: float = 1.0
    """Seconds after which a worker returns to django-q2 between turns."""
    LEASE_SECONDS: float = 15.0
    """Seconds without a heartbeat after which a processor's turn is rescued. At least three heartbeats."""
    HEARTBEAT_SECONDS: float = 0.5
    """Seconds between heartbeats, and writes of progress, of a processor at work."""
    SWEEP_SECONDS: float = 3.0
    """Seconds between sweeps: rescue, forgotten flows, rules that begin or end."""
    WATCHDOG_SECONDS: float = 5.0
    """Seconds after which a cluster that makes no claim is restarted, while a flow is ready and a processor is free or
    none is alive."""
    MAX_ATTEMPTS: int = 3
    """Attempts at a job before it fails, unless its task says otherwise."""
    RETRY_DELAY_SECONDS: float = 2.0
    """Seconds before the second attempt. Doubled before each further one. A random part of up to half is taken off."""
    RETRY_DELAY_MAX_SECONDS: float = 600.0
    """Maximum delay before a further attempt, in seconds."""
    CANCEL_GRACE_SECONDS: float = 3.0
    """Seconds that a job has to stop after it was asked to. Then its process is ended."""
    MAX_RESULT_CHARS: int = 1_000_000
    """Maximum length of a job's result as JSON, in characters. A job with a longer one fails."""
    TASK_PROCESS_MEMORY_MB: float = 512.0
    """Megabytes that a task process may still hold after a turn. One with more is replaced."""
    TASK_PROCESS_FOR: str = "many"
    """Jobs that share a task process. `many`: all, until a task leaves it changed. `owner`: those of one owner. `job`:
    one, so that changes of Python's objects stay apart too. A new process takes some milliseconds."""
    UNKNOWN_TASK_DELAY_SECONDS: float = 15.0
    """Maximum seconds that a job waits for another processor if the one that took it lacks its task; at least half."""
    RETENTION_DAYS: int = 90
    """Days that finished jobs are kept. 0: for ever."""
    SHUTDOWN_GRACE_SECONDS: float = 10.0
    """Seconds that running jobs have to end when a cluster stops."""
    MAX_DURATION_SECONDS: float = 7 * 24 * 3600.0
    """Maximum duration that a job may declare, in seconds."""
    MAX_BULK_JOBS: int = 10_000
    """Maximum number of jobs in one bulk submission."""
    MAX_PAYLOAD_BYTES: int = 65_536
    """Maximum size of a job's payload as JSON, in bytes."""
    MAX_NESTING: int = 50
    """Maximum depth of nested lists and objects in a request."""
    MAX_BODY_BYTES: int = 262_144
    """Maximum size of other requests than bulk submissions and filters, in bytes. The admin has a limit of its own."""
    MAX_BULK_BODY_BYTES: int = 33_554_432
    """Maximum size of a bulk submission, or of a filter of jobs, in bytes."""
    MAX_BULK_VALUES: int = 1_000_000
    """Maximum number of values in the JSON of a request: commas, colons and opening brackets outside of strings. A
    value takes up to about 100 bytes of memory, however short it is in the request."""
    BULKS_AT_ONCE: int = 2
    """Maximum number of bulk submissions and filters that a web process reads at once."""
    BULK_WAIT_SECONDS: float = 10.0
    """Seconds that a further one waits before it is refused."""
    MAX_WAITING_JOBS: int = 1_000_000
    """Maximum number of queued jobs of one user. 0: no limit."""
    MAX_STREAMS: int = 20
    """Maximum number of event streams of one user in one web process. 0: no limit."""
    SUBMISSIONS_PER_MINUTE: int = 6_000
    """Maximum POST requests of one user to API and pages, per minute: submissions, cancellations by a filter, and
    retries, each of one job or many. 0: no limit, here and below."""
    REQUESTS_PER_MINUTE: int = 12_000
    """Maximum other requests of one user, or of an address that is not logged in, per minute."""
    LOGINS_PER_MINUTE: int = 30
    """Maximum passwords tried from one address, per minute."""
    MIN_PROCESSORS: int = 4
    """Minimum number of processors of a cluster. Equal to MAX_PROCESSORS: the number is fixed."""
    MAX_PROCESSORS: int = 4
    """Maximum number of processors of a cluster."""
    CLUSTER_CONNECTIONS: int = 72
    """Maximum number of database connections of a cluster, tasks' included; at least 5. If there are fewer than two for
    each processor and three more, processors share them, and heartbeats are rarer."""
    IDLE_SECONDS: float = 10.0
    """Seconds without work after which a processor closes its connection and ends its task process."""
    TARGET_WAIT_SECONDS: float = 5.0
    """Seconds within which jobs should start; the number of processors between the two bounds follows from it."""
    AUTOSCALE_WINDOW_SECONDS: float = 60.0
    """Seconds for which fewer processors must have been enough before their number goes down."""
    HEALTH_FILE: str = ""
    """The file that a running cluster touches every second, for `manage.py processors --check`. Empty: none."""
    METRICS_TOKEN: str = ""
    """The bearer token of the metrics, at least 20 characters. Empty: there are none."""
    WEBHOOK_PRIVATE_NETWORKS: Sequence[str] = ()
    """Networks, such as "10.1.0.0/16", in which webhooks may reach addresses that are not public, also by plain http.
    Empty: none."""
    DIGESTS: bool = False
    """Whether users may choose e-mail digests of what ended. They are sent as Django's EMAIL_ settings say."""
    PAGE: bool = True
    """Whether `queueapp.urls` has the page beside the API. Without it no template is needed."""
    CHECKSUM_FOLDER: str = ""
    """The folder whose files the task `checksum` may read. Empty: none."""

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
            "MIN_PROCESSORS",
            "IDLE_SECONDS",
            "AUTOSCALE_WINDOW_SECONDS",
        ):
            if not getattr(self, name) > 0:
                raise ImproperlyConfigured(f"Set QUEUEAPP[{name!r}] to a number above 0.")
        if self.TASK_PROCESS_FOR not in ("many", "owner", "job"):
            raise ImproperlyConfigured("Set QUEUEAPP['TASK_PROCESS_FOR'] to 'many', 'owner' or 'job'.")
        if self.MAX_PROCESSORS < self.MIN_PROCESSORS:
            raise ImproperlyConfigured("Set QUEUEAPP['MAX_PROCESSORS'] to at least QUEUEAPP['MIN_PROCESSORS'].")
        if 0 < len(self.METRICS_TOKEN) < 20:
            raise ImproperlyConfigured("Set QUEUEAPP['METRICS_TOKEN'] to at least 20 random characters, or remove it.")
        if self.CLUSTER_CONNECTIONS < 5:
            raise ImproperlyConfigured("Set QUEUEAPP['CLUSTER_CONNECTIONS'] to at least 5.")
        if self.TARGET_WAIT_SECONDS < 1:
            raise ImproperlyConfigured("Set QUEUEAPP['TARGET_WAIT_SECONDS'] to at least 1.")
        if self.MAX_TURN_JOBS > 1_000:
            raise ImproperlyConfigured("Set QUEUEAPP['MAX_TURN_JOBS'] to at most 1,000.")
        if self.LEASE_SECONDS < 3 * self.HEARTBEAT_SECONDS:
            raise ImproperlyConfigured(
                "Set QUEUEAPP['LEASE_SECONDS'] to at least three times QUEUEAPP['HEARTBEAT_SECONDS']."
            )
        _require_networks(self.WEBHOOK_PRIVATE_NETWORKS)


def _require_networks(given: Sequence[str]) -> None:
    """Raise ImproperlyConfigured unless these are networks."""
    try:
        if isinstance(given, str):
            raise ValueError(f"{given!r} is a text")
        for network in given:
            ip_network(network)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"Set QUEUEAPP['WEBHOOK_PRIVATE_NETWORKS'] to a list of networks such as '10.1.0.0/16': {error}."
        ) from None


@lru_cache(maxsize=1)
def queue_settings() -> QueueSettings:
    """Return the settings in force. Raises ImproperlyConfigured, in one sentence, if one is wrong or unknown."""
    given = getattr(settings, "QUEUEAPP", {})
    known = {field.name for field in fields(QueueSettings)}
    if unknown := sorted(set(given) - known):
        like = get_close_matches(unknown[0], known, n=1)
        meant = f" {unknown[0]} may be meant as {like[0]}." if like else ""
        raise ImproperlyConfigured(f"Remove {', '.join(unknown)} from QUEUEAPP: there is no such setting.{meant}")
    return QueueSettings(**given)


def _forget(*, setting: str, **_: object) -> None:
    if setting == "QUEUEAPP":
        queue_settings.cache_clear()


setting_changed.connect(_forget)
