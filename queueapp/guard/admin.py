"""What of other packages the admin shows, and what it does not.

Failed log-ins: staff delete one to open the log-in again at once. Not tokens: whoever reads one could act as its user.
Schedules of django-q2 only to look at: one can call any function of Python, and so do anything on the server.
"""

from __future__ import annotations

from typing import Any

from axes.admin import AccessAttemptAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.http import HttpRequest
from django_q.admin import ScheduleAdmin
from django_q.models import Schedule
from rest_framework_simplejwt.token_blacklist import admin as token_admin
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

assert token_admin  # it has registered what follows
for model in (OutstandingToken, BlacklistedToken, AccessLog, AccessFailureLog, AccessAttempt, Schedule):
    admin.site.unregister(model)


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


@admin.register(Schedule)
class ShownScheduleAdmin(ScheduleAdmin):  # type: ignore[misc]
    """When housekeeping comes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody has it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody has it."""
        return False
