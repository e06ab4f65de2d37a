"""Settings of the peer's project: no log-in, no database, no middleware. It does only what is measured."""

SECRET_KEY = "signs-nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_eventstream"]
ROOT_URLCONF = "bench.streams.peer.urls"
USE_TZ = True
LOGGING = {"version": 1, "root": {"level": "WARNING"}}
