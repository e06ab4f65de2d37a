"""Settings of a run with faults. Short leases and sweeps make minutes show what would take hours."""

from bench.settings import *  # noqa: F403
from bench.settings import INSTALLED_APPS
from jobsite.settings import QUEUEAPP

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast: every user logs in for a token
INSTALLED_APPS = [*INSTALLED_APPS, "bench.histories"]
QUEUEAPP = QUEUEAPP | {
    "LEASE_SECONDS": 4.0,
    "SWEEP_SECONDS": 1.0,
    "WATCHDOG_SECONDS": 3.0,
    "SHUTDOWN_GRACE_SECONDS": 3.0,
    "LOGINS_PER_MINUTE": 0,
    "SUBMISSIONS_PER_MINUTE": 0,
    "REQUESTS_PER_MINUTE": 0,
}
