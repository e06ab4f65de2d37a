"""Throttles of the API: how often a user, or an address that nobody has logged in from, may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ..conf import queue_settings
from ..limits.rate_limit import take
from ..limits.throttles import login_wait, request_wait

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module: it is in the settings


class Throttle(BaseThrottle):
    """Submissions have an allowance of their own, all other requests share one."""

    _wait = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether there was one left; it is taken."""
        user = request.user.pk if request.user.is_authenticated else None
        if user is not None and request.method == "POST":
            self._wait = take("submit", str(user), queue_settings().SUBMISSIONS_PER_MINUTE)
        else:
            self._wait = request_wait(request, user)
        return not self._wait

    def wait(self) -> float:
        """Seconds until there is one again."""
        return self._wait


class LoginThrottle(Throttle):
    """Passwords, by address."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether another may be tried; it is counted."""
        if request.method == "POST":
            self._wait = login_wait(request)
        return not self._wait
