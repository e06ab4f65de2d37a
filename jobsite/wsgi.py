"""WSGI application, for servers without ASGI. Everything works there except event streams."""

import os
from contextlib import suppress

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.core.wsgi import get_wsgi_application
from psycopg import OperationalError

from jobsite import env
from queueapp import tracing
from queueapp.db.sessions import bound_as, check_sessions

with env.stop_in_one_sentence("wsgi"):
    application = get_wsgi_application()
    bound_as("web")
    tracing.set_up()
    with suppress(OperationalError):  # until the database is there, requests get 503
        check_sessions()
