"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import include, path

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

handler400 = "queueapp.http.handlers.bad_request"
handler404 = "queueapp.http.handlers.not_found"
handler500 = "queueapp.http.handlers.server_error"
