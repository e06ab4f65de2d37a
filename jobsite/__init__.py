"""The site: settings and doors (URLs, ASGI, WSGI), the embedded database, and the command behind `make run`."""
