"""The ASGI application that the web server runs: pages, API and event streams."""

import gc
import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
os.environ.setdefault("DATABASE_POOL", "16")

from django.core.asgi import get_asgi_application
from psycopg import OperationalError

from jobsite import env
from queueapp.db.sessions import bound_as, check_sessions

with env.stop_in_one_sentence("asgi"):
    django = get_asgi_application()
    bound_as("web")
    with suppress(OperationalError):  # requests are answered by 503 until the database is there
        check_sessions()
    import jobsite.urls  # noqa: F401 (and all that the first request would import)

from queueapp.http.body_limit import BodyLimit

application = BodyLimit(django)
# What the start has made stays: the collector need not walk it again for every large request.
gc.collect()
gc.freeze()
