"""Settings of a site of several hosts: leases and timeouts as they are shipped, no rate limits."""

from bench.settings import *  # noqa: F403
from bench.settings import INSTALLED_APPS
from jobsite.settings import QUEUEAPP

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [*INSTALLED_APPS, "bench.histories"]
QUEUEAPP = QUEUEAPP | {"LOGINS_PER_MINUTE": 0, "SUBMISSIONS_PER_MINUTE": 0, "REQUESTS_PER_MINUTE": 0}
