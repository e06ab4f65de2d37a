"""The site: settings, entry points (URLs, ASGI, WSGI), the embedded database, and the command behind `make run`."""
