"""Rate limits of the API: by user, or by address without a log-in."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from ..limits.throttles import login_wait, request_wait, submission_wait


class Throttle(BaseThrottle):
    """POST requests of users have an allowance of their own; all other requests share one."""

    _wait = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether the request is within its allowance. It is counted."""
        user = request.user.pk if request.user.is_authenticated else None
        if user is not None and request.method == "POST":
            self._wait = submission_wait(request, user)
        else:
            self._wait = request_wait(request, user)
        return not self._wait

    def wait(self) -> float:
        """Return the seconds until a request is allowed again."""
        return self._wait


class LoginThrottle(Throttle):
    """Rate limit of passwords, by address."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether another password may be tried. It is counted."""
        if request.method == "POST":
            self._wait = login_wait(request)
        return not self._wait
