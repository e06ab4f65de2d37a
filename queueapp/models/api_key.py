"""API keys: what a program logs in with instead of its user's password."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy

MAX_NAME = 100
"""Maximum length of a key's name, in characters."""


class Scope(models.TextChoices):
    """What a key may do."""

    SUBMIT = "submit", gettext_lazy("submit jobs")
    READ = "read", gettext_lazy("see jobs, queue and events")
    CANCEL = "cancel", gettext_lazy("cancel, retry and move jobs")
    STAFF = "staff", gettext_lazy("do so for other users and fairness keys")


class ApiKey(models.Model):
    """A key of a user: what it may do, and the hash of its secret. Revoking it deletes the row.

    The key itself, `prefix` and a secret, is shown once and kept nowhere. The hash is SHA-256: nobody can try 256
    random bits one by one, however fast the hash is. Written by lifecycle/api_keys.py only.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="queue_api_keys", db_index=False
    )
    name = models.CharField(max_length=MAX_NAME, help_text="What its user calls it.")
    prefix = models.CharField(
        max_length=16, unique=True, db_collation="C", help_text="How the key begins. Not secret; it identifies the key."
    )
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the whole key, in hex.")
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices), help_text="What it may do.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="It works until then. Empty: for ever.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute. Empty: never.")

    class Meta:
        verbose_name = "API key"
        ordering = ["name"]
        constraints = [
            # Reader: the user's list of keys.
            models.UniqueConstraint(fields=["user", "name"], name="api_key_name_once"),
        ]

    def __str__(self) -> str:
        return f"{self.prefix} ({self.name})"
