"""The users of the site."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Django's user, as a model of the site's own: so that it can get fields later."""
