"""Django settings, all from environment variables; docs/reference/settings.md lists them with their units."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from jobsite import database, env
from jobsite.security import *  # noqa: F403 (Django's settings, all of them)
from jobsite.security import CORS_MIDDLEWARE

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.secret("SECRET_KEY", "a long random string that signs sessions and tokens")
DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.required_list("ALLOWED_HOSTS", "the host names that the site answers to, joined by commas")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", default=[])
MIN_PROCESSORS, MAX_PROCESSORS = env.bounds("PROCESSORS", default="4", most=512)

INSTALLED_APPS = [
    "queueapp",
    "queueapp.limits",
    "jobsite.accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework_simplejwt.token_blacklist",
    "axes",
    "django_q",
]

MIDDLEWARE = [
    "jobsite.health.probes",
    *CORS_MIDDLEWARE,
    "queueapp.http.middleware.AsyncSecurityMiddleware",
    "jobsite.content_policy.AsyncContentSecurityPolicyMiddleware",
    "queueapp.http.middleware.checks_and_headers",
    "queueapp.http.compression.CompressionMiddleware",
    "queueapp.limits.bulkhead.bulkhead",
    "jobsite.static.StaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "queueapp.http.middleware.AsyncLocaleMiddleware",
    "queueapp.http.middleware.AsyncCommonMiddleware",
    "queueapp.http.middleware.AsyncCsrfViewMiddleware",
    "queueapp.http.middleware.AsyncAuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "queueapp.http.middleware.AsyncXFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "jobsite.urls"
ASGI_APPLICATION = "jobsite.asgi.application"
WSGI_APPLICATION = "jobsite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = database.databases()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "queueapp:home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
TIME_ZONE = "UTC"
USE_TZ = True

# How long a body may be is decided by its address, before Django sees it (queueapp/http/body_limit.py).
DATA_UPLOAD_MAX_MEMORY_SIZE = None

EMAIL_URL = env.text("EMAIL_URL", default="")
vars().update(env.email_settings("EMAIL_URL", EMAIL_URL))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", default="turnabout@localhost")

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "jobsite.static.VersionedStorage"},
}
# Files are served from where they lie: nothing to collect before the first start.
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG
# Where `make docs` builds the docs site, and below which address it is served.
DOCS_ROOT = BASE_DIR / "var" / "docs" / "html"
DOCS_URL = "/docs/"

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.integer("ACCESS_TOKEN_MINUTES", default=15, least=1)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    # A refresh token works once, and none works after the password was changed.
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,
    "UPDATE_LAST_LOGIN": False,
}

QUEUEAPP: dict[str, Any] = {
    "MIN_PROCESSORS": MIN_PROCESSORS,
    "MAX_PROCESSORS": MAX_PROCESSORS,
    "TARGET_WAIT_SECONDS": env.integer("TARGET_WAIT", default=5, least=1),
    "HEALTH_FILE": env.text("HEALTH_FILE", default=""),
    "METRICS_TOKEN": env.optional_secret("METRICS_TOKEN", least=20),
    "WEBHOOK_PRIVATE_NETWORKS": env.words("WEBHOOK_PRIVATE_NETWORKS", default=[]),
    "DIGESTS": bool(EMAIL_URL),
    "CHECKSUM_FOLDER": env.text("CHECKSUM_FOLDER", default=""),
    **env.optional_integers(
        "SUBMISSIONS_PER_MINUTE",
        "REQUESTS_PER_MINUTE",
        "LOGINS_PER_MINUTE",
        "MAX_WAITING_JOBS",
        "MAX_STREAMS",
        "CLUSTER_CONNECTIONS",
        "SHUTDOWN_GRACE_SECONDS",
    ),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"},
        "json": {
            "()": "pythonjsonlogger.json.JsonFormatter",
            "fmt": "{asctime}{levelname}{name}{message}",
            "style": "{",
            "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        },
    },
    "filters": {"one line": {"()": "jobsite.logs.one_line"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": env.choice("LOG_FORMAT", "line", "json")}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "django.security.DisallowedHost": {"filters": ["one line"]},
        "axes": {"level": "WARNING"},
    },
}
