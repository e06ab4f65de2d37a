"""The settings of another project: its own user model, urls and log-in; the queue is one application among others."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS, MIDDLEWARE

SITE_ONLY = {"jobsite.accounts", "axes", "rest_framework_simplejwt.token_blacklist", "axes.middleware.AxesMiddleware"}
INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app not in SITE_ONLY), "tests.host"]
MIDDLEWARE = [name for name in MIDDLEWARE if name not in SITE_ONLY]
AUTH_USER_MODEL = "host.Person"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ROOT_URLCONF = "tests.host.urls"
LOGIN_URL = "sign-in"
SIMPLE_JWT = {"CHECK_REVOKE_TOKEN": True}
