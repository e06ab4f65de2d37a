"""Who may see the console, and who may act in it: staff with one of two permissions."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from ..limits.throttles import View, throttle_requests
from ..pages.roles import may_act, may_look


def for_viewers(view: View) -> View:
    """Open a view to staff who may see the console. Others who are logged in get 403 with a sentence."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        if may_look(request):
            return view(request, *args, **options)
        return _refused(request, gettext("This page is for staff who may see the operations console."))

    return throttle_requests(never_cache(login_required(guarded)))


def for_operators(view: View) -> View:
    """The same for staff who may act."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **options: object) -> HttpResponseBase:
        if may_act(request):
            return view(request, *args, **options)
        return _refused(request, gettext("This is for staff who may act in the operations console; you may look."))

    return for_viewers(guarded)


def _refused(request: HttpRequest, words: str) -> HttpResponseBase:
    return render(request, "queueapp/staff/refused.html", {"words": words}, status=HTTPStatus.FORBIDDEN)
