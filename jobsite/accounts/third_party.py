"""What of other packages the admin shows, and what it does not.

Failed log-ins: staff delete one to open the log-in again at once. Not tokens: whoever reads one could act as its user.
Nothing of django-q2: its pages unpickle what is in the database, and a schedule can call any function of Python.
"""

from __future__ import annotations

from typing import Any

from axes.admin import AccessAttemptAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest
from django_q import admin as queue_admin
from django_q.models import Failure, OrmQ, Schedule, Success
from rest_framework_simplejwt.token_blacklist import admin as token_admin
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

assert token_admin, queue_admin  # they have registered what follows
admin.site.unregister((OutstandingToken, BlacklistedToken, AccessLog, AccessFailureLog, AccessAttempt))
admin.site.unregister([model for model in (Success, Failure, Schedule, OrmQ) if admin.site.is_registered(model)])


@admin.register(AccessAttempt)
class FailedLoginAdmin(AccessAttemptAdmin):  # type: ignore[misc]
    """Failed log-ins of the last minutes, by name and address."""

    actions = ()  # the package's own fails
    fieldsets = (
        (
            None,
            {"fields": ("username", "ip_address", "user_agent", "path_info", "attempt_time", "failures_since_start")},
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has it."""
        return False
