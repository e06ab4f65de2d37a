"""Checks of what the API and the page need, in a project that includes queueapp.urls."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.shortcuts import resolve_url
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import NoReverseMatch, Resolver404, URLResolver, get_resolver, resolve
from django.utils.module_loading import import_string

from ..conf import queue_settings

MIDDLEWARE = {
    "django.contrib.sessions.middleware.SessionMiddleware": "keeps who has logged in",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "gives the page its user",
    "django.middleware.csrf.CsrfViewMiddleware": "gives the page the token without which the API refuses it",
}
"""Django's middleware that the page needs. A subclass will do."""


@register
def check_web(**_: Any) -> list[CheckMessage]:
    """Return E006 to E010 and W001 to W003; nothing if the project does not include queueapp.urls."""
    namespaces = list(_namespaces(get_resolver())) if hasattr(settings, "ROOT_URLCONF") else []
    if not namespaces:
        return []
    api_lacks = list(_api_lacks())
    found = [*_place(namespaces), *_metrics()]
    if not api_lacks:
        return [*found, *_limits(), *_middleware(), *_templates(), *_login(), *_asgi()]
    return found if queue_settings().METRICS_TOKEN else found + api_lacks


def _namespaces(resolver: URLResolver, outer: str = "") -> Iterator[str]:
    """Yield the namespace of each place where queueapp.urls is included, with those around it."""
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{outer}:{pattern.namespace}".lstrip(":") if pattern.namespace else outer
            if pattern.app_name == "queueapp":
                yield inner
            else:
                yield from _namespaces(pattern, inner)


def _place(namespaces: list[str]) -> Iterator[CheckMessage]:
    if namespaces != ["queueapp"]:
        yield Error(
            f"queueapp.urls is included as {' and '.join(map(repr, namespaces))}, and must be once, as 'queueapp'.",
            hint="Include it in ROOT_URLCONF, outside of any other namespace.",
            id="queueapp.E006",
        )


def _api_lacks() -> Iterator[CheckMessage]:
    if not apps.is_installed("rest_framework"):
        hint, what = "Add 'rest_framework' to INSTALLED_APPS", "REST framework is not an application of this project"
    elif find_spec("drf_spectacular") is None:
        hint, what = "Run pip install 'turnabout[api]'", "drf-spectacular is not installed"
    else:
        return
    yield Error(
        f"queueapp.urls is included, and has neither an API nor pages for users, as {what}.",
        hint=f"{hint}, or do not include queueapp.urls; for the console of staff alone, silence this check.",
        id="queueapp.E007",
    )


def _metrics() -> Iterator[CheckMessage]:
    if queue_settings().METRICS_TOKEN and find_spec("prometheus_client") is None:
        yield Error(
            "QUEUEAPP has METRICS_TOKEN, and prometheus-client is not installed.",
            hint="Run pip install 'turnabout[metrics]', or remove METRICS_TOKEN.",
            id="queueapp.E010",
        )


def _limits() -> Iterator[CheckMessage]:
    if not apps.is_installed("queueapp.limits"):
        yield Warning(
            "Nothing limits how often a client may ask, as the application that counts it is missing.",
            hint="Add 'queueapp.limits' to INSTALLED_APPS.",
            id="queueapp.W001",
        )


def _middleware() -> Iterator[CheckMessage]:
    if not queue_settings().PAGE:
        return
    there = [import_string(name) for name in settings.MIDDLEWARE]
    for name, purpose in MIDDLEWARE.items():
        if not any(isinstance(one, type) and issubclass(one, import_string(name)) for one in there):
            yield Error(
                f"MIDDLEWARE lacks {name.rpartition('.')[2]}, which {purpose}.",
                hint=f"Add {name!r} to MIDDLEWARE, or set QUEUEAPP = {{'PAGE': False}}.",
                id="queueapp.E008",
            )


def _templates() -> Iterator[CheckMessage]:
    if not queue_settings().PAGE:
        return
    try:
        get_template("queueapp/home.html")
    except TemplateDoesNotExist:
        yield Error(
            "No template engine finds the page's templates.",
            hint="Set 'APP_DIRS': True in TEMPLATES, or set QUEUEAPP = {'PAGE': False}.",
            id="queueapp.E009",
        )


def _login() -> Iterator[CheckMessage]:
    if not queue_settings().PAGE:
        return
    try:
        address = resolve_url(settings.LOGIN_URL)
        if address.startswith("/"):
            resolve(address)
    except (NoReverseMatch, Resolver404):
        yield Warning(
            f"Who is not logged in is sent from the page to {str(settings.LOGIN_URL)!r}, and nothing is there.",
            hint="Set LOGIN_URL to the project's log-in; 'admin:login' is one for staff.",
            id="queueapp.W002",
        )


def _asgi() -> Iterator[CheckMessage]:
    """By the text of the file: to import it would set up a second application."""
    named = getattr(settings, "ASGI_APPLICATION", None)
    module = named.rpartition(".")[0] if named else f"{settings.ROOT_URLCONF.rpartition('.')[0]}.asgi"
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None or found.origin is None:
        yield Warning(f"There is no {module}, and event streams need an ASGI server.", hint=_WRAP, id="queueapp.W003")
    elif "EventStreamMiddleware" not in Path(found.origin).read_text():
        yield Warning(f"Event streams go through all of Django, as {module} lets them.", hint=_WRAP, id="queueapp.W003")


_WRAP = (
    "In asgi.py: from queueapp.events.middleware import EventStreamMiddleware; "
    "application = EventStreamMiddleware(get_asgi_application())."
)
