"""Settings with the hostile tasks and the short times of the tests: minutes show what would take hours."""

from bench.settings import *  # noqa: F403
from bench.settings import INSTALLED_APPS
from jobsite.settings import QUEUEAPP

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [*INSTALLED_APPS, "bench.histories", "bench.hostile"]
QUEUEAPP = QUEUEAPP | {
    "LEASE_SECONDS": 3.0,
    "HEARTBEAT_SECONDS": 0.25,
    "SWEEP_SECONDS": 0.5,
    "SHUTDOWN_GRACE_SECONDS": 1.5,
    "WATCHDOG_SECONDS": 2.0,
    "RETRY_DELAY_SECONDS": 0.2,
    "CANCEL_GRACE_SECONDS": 0.9,
    "LOGINS_PER_MINUTE": 0,
    "SUBMISSIONS_PER_MINUTE": 0,
    "REQUESTS_PER_MINUTE": 0,
}
