"""The Django application of the site's user model."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "jobsite.accounts"
    verbose_name = "Accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Set the admin's titles and the template of its index."""
        from django.contrib import admin

        admin.site.site_header = "Turnabout"
        admin.site.site_title = "Turnabout"
        admin.site.index_template = "admin/queueapp/index.html"
        admin.site.index_title = "Turnabout: users, rules, jobs and processors"
