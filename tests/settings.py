"""The site's settings for fast tests: a cheap password hash and short leases; and the tasks of tests/tasks.py."""

import sys

from jobsite.settings import *  # noqa: F403
from jobsite.settings import BASE_DIR, INSTALLED_APPS, MIDDLEWARE, QUEUEAPP

sys.path.insert(0, str(BASE_DIR / "conformance"))  # also for the sites that tests start

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "tests",
    "tests.docs.primes",
    "tests.docs.reader",
    "django_tasks",
    "django_tasks_conformance",
]
SLOW = "jobsite.static.StaticMiddleware"
MIDDLEWARE = [name if name != SLOW else "tests.kit.static.StaticMiddlewareOfTests" for name in MIDDLEWARE]
TASKS = {
    "default": {
        "BACKEND": "queueapp.django_tasks.FairBackend",
        "QUEUES": ["default", "conformance"],
        "OPTIONS": {"DURATION": 0.001, "MODULES": ["tests.django_tasks.tasks"]},
    },
    "patient": {"BACKEND": "queueapp.django_tasks.FairBackend", "OPTIONS": {"MAX_ATTEMPTS": 3}},
    "immediate": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"},
}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # within pytest it is Django's own for tests
QUEUEAPP = QUEUEAPP | {
    "LEASE_SECONDS": 3.0,
    "HEARTBEAT_SECONDS": 0.25,
    "SWEEP_SECONDS": 0.5,
    "SHUTDOWN_GRACE_SECONDS": 1.5,
    "WATCHDOG_SECONDS": 2.0,
    "RETRY_DELAY_SECONDS": 0.2,
    "CANCEL_GRACE_SECONDS": 0.9,
    "IDLE_SECONDS": 2.0,
    "UNKNOWN_TASK_DELAY_SECONDS": 1.0,
    "WEBHOOK_PRIVATE_NETWORKS": ["127.0.0.0/8"],  # tests/kit/receiver.py is there
    "DIGESTS": True,
    "LOGINS_PER_MINUTE": 0,  # all tests log in from one address; tests/limits/test_security.py sets a limit
}
