"""The WSGI application, for servers without ASGI: everything but the event streams works there."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
