"""Every address of the site."""

from __future__ import annotations

import sys

from django.contrib import admin
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path
from django.views import defaults

from queueapp.db.sessions import is_passing
from queueapp.http.middleware import refusal
from queueapp.http.problems import busy, of_api, problem_page
from queueapp.limits.throttles import throttle_logins


def icon(request: HttpRequest) -> HttpResponse:
    """To the site's icon. Browsers ask for this address where a page names none."""
    return redirect(static("queueapp/favicon.svg"))


urlpatterns = [
    path("admin/login/", throttle_logins(admin.site.login)),  # before the admin's own address of it
    path("admin/", admin.site.urls),
    path("", include("jobsite.accounts.urls")),
    path("", include("queueapp.urls")),
    path("favicon.ico", icon),
]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, as problem details below /api/ and as a page elsewhere."""
    if of_api(request):
        return problem_page(request, 404, "There is no such address.")
    return defaults.page_not_found(request, exception)


def bad(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: an unknown host, a form of too many fields, and the like. The log says which."""
    if isinstance(exception, DisallowedHost):
        return refusal(request, 400, "The site does not answer to the host name in this address.")
    return refusal(request, 400, "The request makes no sense here.")


def broken(request: HttpRequest) -> HttpResponse:
    """500, or 503 where the database had to give up, as problem details below /api/ and as a page elsewhere."""
    error = sys.exc_info()[1]
    if is_passing(error):
        return busy(request, error)
    if of_api(request):
        return problem_page(request, 500, "Something went wrong on our side; the log says what.")
    return defaults.server_error(request)


handler400 = bad
handler404 = not_found
handler500 = broken
