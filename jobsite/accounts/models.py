"""The users of the site."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Django's user as the site's own model, so that fields can be added later."""
