"""The ASGI application that the web server runs: pages, API and event streams."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
os.environ.setdefault("DATABASE_POOL", "16")

from django.core.asgi import get_asgi_application

from jobsite import env

with env.stop_in_one_sentence("asgi"):
    django = get_asgi_application()

from queueapp.guard.bodies import BodyLimit

application = BodyLimit(django)
