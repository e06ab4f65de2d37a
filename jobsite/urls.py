"""Every address of the site."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from queueapp.limits.throttles import throttle_logins


def icon(request: HttpRequest) -> HttpResponse:
    """To the site's icon. Browsers ask for this address where a page names none."""
    return redirect(static("queueapp/favicon.svg"))


def docs(request: HttpRequest) -> HttpResponse:
    """To the first page of the docs site, which jobsite/static.py serves."""
    return redirect(f"{settings.DOCS_URL}index.html")


urlpatterns = [
    path("admin/login/", throttle_logins(admin.site.login)),  # before the admin's own address of it
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),  # one page, one lockout
    path("admin/", admin.site.urls),
    path("", include("jobsite.accounts.urls")),
    path("", include("queueapp.urls")),
    path("language/", set_language, name="set_language"),
    path("favicon.ico", icon),
]

if (settings.DOCS_ROOT / "index.html").exists():
    urlpatterns.append(path(settings.DOCS_URL.removeprefix("/"), docs, name="turnabout-docs"))

handler400 = "queueapp.http.handlers.bad_request"
handler404 = "queueapp.http.handlers.not_found"
handler500 = "queueapp.http.handlers.server_error"
