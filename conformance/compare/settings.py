"""The tests' settings, with the backend that CONFORMANCE_BACKEND names."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS
from tests.settings import TASKS as OURS

DATABASES["default"]["TEST"] = {"NAME": "test_conformance"}
INSTALLED_APPS = [*INSTALLED_APPS, "django_tasks_db"]
TASKS = OURS | {"default": {"BACKEND": os.environ["CONFORMANCE_BACKEND"], "QUEUES": ["default", "conformance"]}}
