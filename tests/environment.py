"""The environment of every test, set before Django reads its settings: pytest loads this as its first plugin.

Tests have a real PostgreSQL server: the embedded one, with its data in var/test, unless DATABASE_URL names another.
The first process starts it; those that pytest-xdist starts have databases of their own there.
"""

from __future__ import annotations

import os

from jobsite import local

os.environ["SECRET_KEY"] = "only for tests: long enough for the signatures of tokens"
os.environ["ALLOWED_HOSTS"] = local.HOSTS
os.environ["HTTPS"] = "no"
os.environ["PROCESSORS"] = "2"
os.environ["CHECKSUM_FOLDER"] = str(local.BASE / "tests" / "files")
if not os.environ.get("DATABASE_URL"):
    os.environ["VAR_DIR"] = str(local.BASE / "var" / "test")
    os.environ["DATABASE_URL"] = local.start_database(local.var_folder())
# Playwright's synchronous API keeps an event loop running in the main thread, where Django would refuse its ORM.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
