"""Middleware: rejects what no view could answer, and adds headers that Django has no setting for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction
from csp.middleware import CSPMiddleware
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.shortcuts import render
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from .body_limit import limit_of, sentence
from .problems import of_api, problem_page

HEADERS = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class NoThreadHop(MiddlewareMixin):
    """Middleware that waits for nothing, without the two changes of threads a request that it costs under ASGI."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        """The response; under WSGI MiddlewareMixin gives the same."""
        response: HttpResponseBase | None = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        response = response or await cast(AsyncAnswer, self.get_response)(request)
        if hasattr(self, "process_response"):
            response = self.process_response(request, response)
        return response


class AsyncSecurityMiddleware(NoThreadHop, SecurityMiddleware):
    """Django's, which redirects to TLS and adds the security headers that it has settings for."""


class AsyncContentSecurityPolicyMiddleware(NoThreadHop, CSPMiddleware):
    """django-csp's, which adds the policy of the settings."""


class AsyncCommonMiddleware(NoThreadHop, CommonMiddleware):
    """Django's, which sends addresses without their last slash to those with it, and says how long an answer is.

    Only where something is read: many clients follow such a redirect with GET, and what they sent would be lost.
    """

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        """Whether the address with a slash is meant; else it is not found."""
        return request.method in ("GET", "HEAD") and super().should_redirect_with_slash(request)


class AsyncCsrfViewMiddleware(NoThreadHop, CsrfViewMiddleware):
    """Django's, which takes forms only with the token that their page was given. It is kept in a cookie."""


class AsyncAuthenticationMiddleware(NoThreadHop, AuthenticationMiddleware):
    """Django's, by which a view finds out who asks: the database is asked when the view wants to know."""


class AsyncXFrameOptionsMiddleware(NoThreadHop, XFrameOptionsMiddleware):
    """Django's, which keeps pages out of the frames of others."""


@sync_and_async_middleware
def checks_and_headers(get_response: Answer | AsyncAnswer) -> Answer | AsyncAnswer:
    """The middleware; no thread is changed for it."""
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
    """The answer to a request that no view should see; None: let it in."""
    if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
        return refusal(request, 400, "The address has a NUL character.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    # By ASGI such a request never comes so far (body_limit.py); by WSGI nothing of it has been read yet.
    if length.isdecimal() and int(length) > (limit := limit_of(request.path)):
        return refusal(request, 413, sentence(limit))
    return None


def refusal(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """A problem below /api/, a page elsewhere."""
    if of_api(request):
        return problem_page(request, status, detail)
    return render(request, "400.html", {"detail": detail}, status=status)


def add_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The response, with the headers that it lacks. What the API says is for nobody's cache."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if of_api(request):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
