"""These tests need the other project's settings: `pytest --ds=tests.host.settings tests/host`."""

from __future__ import annotations

from django.conf import settings

collect_ignore_glob = [] if settings.ROOT_URLCONF == "tests.host.urls" else ["test_*.py", "models.py", "admin.py"]
