"""Middleware: Django's without thread switches, checks before any view, headers that Django has no setting for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext

from .body_limit import limit_of, sentence
from .problems import of_api, problem_page

HEADERS = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class NoThreadHop(MiddlewareMixin):
    """Middleware that never blocks, without the two thread switches that it costs each request under ASGI."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, as MiddlewareMixin does under WSGI."""
        response: HttpResponseBase | None = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        response = response or await cast(AsyncAnswer, self.get_response)(request)
        if hasattr(self, "process_response"):
            response = self.process_response(request, response)
        return response


class AsyncSecurityMiddleware(NoThreadHop, SecurityMiddleware):
    """Django's: redirects to TLS and adds the security headers that it has settings for."""


class AsyncCommonMiddleware(NoThreadHop, CommonMiddleware):
    """Django's: redirects an address without its last slash to the one with it, and sets Content-Length.

    Only GET and HEAD are redirected. Many clients follow such a redirect with GET, and the body would be lost.
    """

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Whether to redirect to the address with a slash. Other methods than GET and HEAD get 404 instead."""
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)


class AsyncLocaleMiddleware(NoThreadHop, LocaleMiddleware):
    """Django's: answers in the language of the cookie that the page sets, or of Accept-Language."""


class AsyncCsrfViewMiddleware(NoThreadHop, CsrfViewMiddleware):
    """Django's: takes a form only with the token that its page was given. The token is kept in a cookie."""


class AsyncAuthenticationMiddleware(NoThreadHop, AuthenticationMiddleware):
    """Django's: gives views the user of a request. The database is read only when a view asks for the user."""


class AsyncXFrameOptionsMiddleware(NoThreadHop, XFrameOptionsMiddleware):
    """Django's: keeps pages out of frames."""


@sync_and_async_middleware
def checks_and_headers(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """Return the middleware: reject(), then add_headers(). It switches no thread."""
    if iscoroutinefunction(get_response):

        async def later(request: HttpRequest) -> HttpResponseBase:
            rejected = reject(request)
            return add_headers(request, rejected or await cast(AsyncAnswer, get_response)(request))

        return later

    def at_once(request: HttpRequest) -> HttpResponseBase:
        rejected = reject(request)
        return add_headers(request, rejected or cast(Answer, get_response)(request))

    return at_once


def reject(request: HttpRequest) -> HttpResponse | None:
    """Return the refusal of a request that no view should see, or None."""
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return refusal(request, 400, gettext("The address has a NUL character."))
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Under ASGI, body_limit.py refuses such a request earlier. Under WSGI, nothing of it has been read yet.
    if length.isdecimal() and int(length) > (limit := limit_of(request.path)):
        return refusal(request, 413, sentence(limit))
    return None


def refusal(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """Return a problem below /api/, a page elsewhere."""
    if of_api(request):
        return problem_page(request, status, detail)
    return render(request, "queueapp/400.html", {"detail": detail}, status=status)


def add_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Add the headers that the response lacks, and return it. No cache may keep the API's responses."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if of_api(request):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
