"""Who submits jobs."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A user, and the flow that the user's next job joins."""

    # Decided by the priority rules (lifecycle/route.py) and kept here, so that a submission need not ask them.
    flow = models.ForeignKey(
        "queueapp.Flow",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="members",
    )
