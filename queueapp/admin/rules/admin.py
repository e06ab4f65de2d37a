"""Priority rules: the page on which staff decide how users share the processors."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template import engines

from queueapp.models import PriorityRule

from ..base import finds_users
from ..formatting import moment
from .preview import PreviewAdmin

INTRO = """{% extends "admin/change_list.html" %}
{% block object-tools %}{{ block.super }}
<p>Rules are asked from the top of this list down, and the first active rule that covers a user decides how
that user's jobs take turns. A greater weight means more turns, never all of them: nobody is shut out.
Users whom no active rule covers wait in one line, strictly in the order in which they submitted.</p>
{% endblock %}"""


def _mentions(through: type[Model]) -> Coalesce:
    """Return an expression for how many users, or groups, a rule names."""
    named = through._default_manager.filter(priorityrule=OuterRef("pk")).order_by().values("priorityrule")
    return Coalesce(Subquery(named.annotate(number=Count("pk")).values("number")), 0)


@admin.register(PriorityRule)
class PriorityRuleAdmin(PreviewAdmin):
    """Rules in the order in which they are asked. A saved change also applies to jobs that already wait."""

    change_list_template = engines["django"].from_string(INTRO)
    list_display = ("position", "name", "active", "covers", "weight", "shares", "at_once", "holds")
    list_display_links = ("name",)
    list_editable = ("position", "active")
    sortable_by = ()
    ordering = ("position", "id")
    show_full_result_count = False
    filter_horizontal = ("users", "groups")
    save_on_top = True
    fieldsets = (
        (None, {"fields": ["name", "active", "position"]}),
        (
            "Whom does it cover?",
            {
                "fields": ["users", "groups", "keys"],
                "description": "Name users, groups and keys. Leave all of them empty to cover everyone.",
            },
        ),
        (
            "What do they get?",
            {
                "fields": ["weight", "sharing", "cap"],
                "description": "Users take turns, and a greater weight gives more of them. "
                "Whatever the weights, everybody's jobs go on.",
            },
        ),
        (
            "When does it hold?",
            {
                "fields": ["valid_from", "valid_until"],
                "description": "Leave both empty for a rule that holds from now on and without an end.",
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriorityRule]:
        """Return rules with the numbers that `covers` needs, in one query however many rules and users there are."""
        return (
            super()
            .get_queryset(request)
            .annotate(users_named=_mentions(PriorityRule.users.through))
            .annotate(groups_named=_mentions(PriorityRule.groups.through))
        )

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return `users` if staff may search them as they type. Otherwise they choose them from a list."""
        return ("users",) if finds_users(self.admin_site, request) else ()

    @admin.display(description="covers")
    def covers(self, rule: Any) -> str:
        """Return whom the rule covers, e.g. "2 users, 1 group", or "everyone"."""
        named = [(rule.users_named, "user"), (rule.groups_named, "group"), (len(rule.keys), "key")]
        return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in named if n) or "everyone"

    @admin.display(description="sharing")
    def shares(self, rule: PriorityRule) -> str:
        """Return the value, without the explanation in its label."""
        return rule.sharing

    @admin.display(description="processors at once")
    def at_once(self, rule: PriorityRule) -> str:
        """Return the cap, in words."""
        return "no limit" if rule.cap is None else f"at most {rule.cap}"

    @admin.display(description="holds")
    def holds(self, rule: PriorityRule) -> str:
        """Return from when until when the rule holds."""
        begin = f"from {moment(rule.valid_from)}" if rule.valid_from else ""
        end = f"until {moment(rule.valid_until)}" if rule.valid_until else ""
        return f"{begin} {end}".strip() or "always"

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save whom the rule covers. Warn if it always covers everyone: the active rules below it have no effect."""
        super().save_related(request, form, formsets, change)
        rule = self.get_queryset(request).get(pk=form.instance.pk)
        if not rule.active or self.covers(rule) != "everyone" or self.holds(rule) != "always":
            return
        asked = list(PriorityRule.objects.active())
        if below := asked[asked.index(rule) + 1 :]:
            names = ", ".join(f"“{other}”" for other in below)
            text = f"“{rule}” covers everyone, always: the active rules below it have no effect ({names})."
            messages.warning(request, text)
