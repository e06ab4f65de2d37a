"""The site's settings with the benches' tasks. Benches set DJANGO_SETTINGS_MODULE=bench.settings."""

from importlib.util import find_spec

from jobsite.settings import *  # noqa: F403
from jobsite.settings import INSTALLED_APPS, LOGGING

PEERS = [app for app in ("django_tasks_db",) if find_spec(app)]
INSTALLED_APPS = [*INSTALLED_APPS, "bench", *PEERS]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
LOGGING = LOGGING | {"root": {"handlers": ["console"], "level": "WARNING"}}
