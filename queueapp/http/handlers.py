"""Answers to errors outside any view, as problem details for the API and as pages elsewhere.

A project names them in its root URL configuration: `handler404 = "queueapp.http.handlers.not_found"`.
"""

from __future__ import annotations

import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.views import defaults

from ..db.sessions import is_passing
from .middleware import refusal
from .problems import busy, of_api, problem_page


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 400: an unknown host, a form of too many fields, and the like. The log says which."""
    if isinstance(exception, DisallowedHost):
        return refusal(request, 400, gettext("The site does not answer to the host name in this address."))
    return refusal(request, 400, gettext("The request makes no sense here."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return 404."""
    if of_api(request):
        return problem_page(request, 404, gettext("There is no such address."))
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return 500, or 503 if the database had to give up."""
    error = sys.exc_info()[1]
    if is_passing(error):
        return busy(request, error)
    if of_api(request):
        return problem_page(request, 500, gettext("Something went wrong on our side; the log says what."))
    return defaults.server_error(request)
