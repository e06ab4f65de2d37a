"""The WSGI application, for servers without ASGI: everything but the event streams works there."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402 (settings read the line above)

application = get_wsgi_application()
