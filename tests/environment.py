"""The environment of every test. pytest loads this plugin first, before Django reads its settings.

Tests use a real PostgreSQL server: the embedded one, with its data in var/test, unless DATABASE_URL names another. The
first process starts it. Each process of pytest-xdist has its own database there.
"""

from __future__ import annotations

import os

from hypothesis import settings

from jobsite import local

settings.register_profile("site", deadline=None)  # a busy machine makes no test fail
settings.load_profile("site")
os.environ["SECRET_KEY"] = "only for tests: long enough for the signatures of tokens"
os.environ["ALLOWED_HOSTS"] = local.HOSTS
os.environ["HTTPS"] = "no"
os.environ["PROCESSORS"] = "2"
os.environ["CHECKSUM_FOLDER"] = str(local.BASE / "tests" / "files")
if not os.environ.get("DATABASE_URL"):
    os.environ["VAR_DIR"] = str(local.BASE / "var" / "test")
    os.environ["DATABASE_URL"] = local.start_database(local.var_folder())
# Playwright's synchronous API runs an event loop in the main thread, in which Django would refuse ORM calls.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
