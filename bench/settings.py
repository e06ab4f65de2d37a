"""The site's settings with the benches' tasks. Benches set DJANGO_SETTINGS_MODULE=bench.settings."""

import os
from importlib.util import find_spec

from jobsite.settings import *  # noqa: F403
from jobsite.settings import INSTALLED_APPS, LOGGING, QUEUEAPP

PEERS = [app for app in ("django_tasks_db",) if find_spec(app)]
INSTALLED_APPS = [*INSTALLED_APPS, "bench", *PEERS]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
# Backlogs of one user are deeper than a site allows by default. The environment has the last word.
# Flows learn what jobs really take. So benches of turns of one size bound the number of jobs, too.
QUEUEAPP = {"MAX_WAITING_JOBS": 0} | QUEUEAPP | {"MAX_TURN_JOBS": int(os.environ.get("BENCH_MAX_TURN_JOBS", "100"))}
LOGGING = LOGGING | {"root": {"handlers": ["console"], "level": "WARNING"}}
