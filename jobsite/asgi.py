"""ASGI application: pages, API and event streams."""

import gc
import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
os.environ.setdefault("DATABASE_POOL", "16")

from django.core.asgi import get_asgi_application
from django.urls import get_resolver
from psycopg import OperationalError

from jobsite import env
from queueapp import tracing
from queueapp.db.sessions import bound_as, check_sessions

with env.stop_in_one_sentence("asgi"):
    django = get_asgi_application()
    bound_as("web")
    tracing.set_up()
    with suppress(OperationalError):  # until the database is there, requests get 503
        check_sessions()
    get_resolver().url_patterns  # noqa: B018 (loaded now, so that the first request need not)

from queueapp.events.middleware import EventStreamMiddleware
from queueapp.http.body_limit import BodyLimit

application = EventStreamMiddleware(BodyLimit(django))
# Objects made at the start live as long as the process: the garbage collector should not scan them again.
gc.collect()
gc.freeze()
