"""Addresses of the queue, for a project to include: `path("queue/", include("queueapp.urls"))`.

The API is there if REST framework is among INSTALLED_APPS, and so is the page, which uses the API, unless QUEUEAPP has
`"PAGE": False`. The console for staff needs no API, and follows that setting, too. The metrics, which Prometheus reads,
are there if QUEUEAPP has `METRICS_TOKEN`.
"""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path

from .conf import queue_settings

app_name = "queueapp"

urlpatterns: list[URLPattern | URLResolver] = []
if apps.is_installed("rest_framework") and find_spec("drf_spectacular"):
    urlpatterns.append(path("api/v1/", include("queueapp.api.urls")))
    if queue_settings().PAGE:
        urlpatterns.append(path("", include("queueapp.pages.urls")))
if queue_settings().PAGE:
    urlpatterns.append(path("staff/", include("queueapp.staff.urls")))
if queue_settings().METRICS_TOKEN and find_spec("prometheus_client"):
    from .metrics import answer

    urlpatterns.append(path("metrics/", answer, name="metrics"))
