"""The site's settings with the benches' own tasks: DJANGO_SETTINGS_MODULE=bench.settings, which benches set."""

from jobsite.settings import *  # noqa: F403
from jobsite.settings import INSTALLED_APPS, LOGGING

INSTALLED_APPS = [*INSTALLED_APPS, "bench"]
LOGGING = LOGGING | {"root": {"handlers": ["console"], "level": "WARNING"}}
