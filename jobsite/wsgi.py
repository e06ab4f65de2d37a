"""The WSGI application, for servers without ASGI: everything but the event streams works there."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.core.wsgi import get_wsgi_application

from jobsite import env
from queueapp.sessions import bound_as

with env.stop_in_one_sentence("wsgi"):
    application = get_wsgi_application()
    bound_as("web")
