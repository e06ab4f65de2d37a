"""Models of other packages in the admin: it shows failed log-ins only.

Staff delete a failed log-in to end a lockout at once. Tokens are not shown: anybody who reads one can act as its user.
Nothing of django-q2 is shown: its pages unpickle what is in the database, and a schedule can call any Python function.
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

assert token_admin, queue_admin  # importing them registers their models
admin.site.unregister((OutstandingToken, BlacklistedToken, AccessLog, AccessFailureLog, AccessAttempt))
admin.site.unregister([model for model in (Success, Failure, Schedule, OrmQ) if admin.site.is_registered(model)])


@admin.register(AccessAttempt)
class FailedLoginAdmin(AccessAttemptAdmin):  # type: ignore[misc]
    """Failed log-ins, by user name, address and user agent.

    django-axes deletes them at the first failed log-in, log-in or log-out after AXES_COOLOFF_TIME.
    """

    actions = ()  # the package's own action fails: it needs a log-in's request
    fieldsets = (
        (
            None,
            {"fields": ("username", "ip_address", "user_agent", "path_info", "attempt_time", "failures_since_start")},
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: a failed log-in is viewed or deleted."""
        return False
