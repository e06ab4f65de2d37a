"""Pauses: what is not started for now, since when, by whom and why. To resume is to delete one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template import engines

from queueapp.lifecycle.pause import begin, resume
from queueapp.models import Pause
from queueapp.registry import task_names

from .base import QueueAdmin
from .formatting import ago

if TYPE_CHECKING:
    AnyPauseForm = forms.ModelForm[Pause]
else:
    AnyPauseForm = forms.ModelForm

INTRO = """{% extends "admin/change_list.html" %}
{% block object-tools %}{{ block.super }}
<p>What is paused is not started; what runs goes on to its end, and what waits keeps its place. Users read the reason on
their page. To resume, delete the pause.</p>
{% endblock %}"""


class PauseForm(AnyPauseForm):
    """A user, or a task from the list of all, or neither; and why."""

    task = forms.ChoiceField(required=False, help_text=Pause._meta.get_field("task").help_text)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "task" in self.fields:
            choices = [("", "---------"), *((name, name) for name in task_names())]
            self.fields["task"].choices = choices  # type: ignore[attr-defined]  # of the field above


@admin.register(Pause)
class PauseAdmin(QueueAdmin[Pause]):
    """What is paused now. A pause begins and ends, and is never changed."""

    change_list_template = engines["django"].from_string(INTRO)
    form = PauseForm
    list_display = ("what", "reason", "by", "began")
    list_select_related = ("user", "by")
    sortable_by = ()
    fields = ("user", "task", "reason")

    def has_change_permission(self, request: HttpRequest, obj: Pause | None = None) -> bool:
        """Nobody has it."""
        return False

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Users are looked up as one types, where one may view users; else they are chosen from a list."""
        return ("user",) if request.user.has_perm("queueapp.view_user") else ()

    @admin.display(description="paused")
    def what(self, pause: Pause) -> str:
        """The user, the task, or everything."""
        return str(pause)

    @admin.display(description="since")
    def began(self, pause: Pause) -> str:
        """How long ago, and when."""
        return ago(pause.since)

    def save_model(self, request: HttpRequest, obj: Pause, form: Any, change: bool) -> None:
        """Let it begin."""
        assert request.user.is_authenticated
        obj.by = request.user
        begin(obj)

    def delete_model(self, request: HttpRequest, obj: Pause) -> None:
        """Resume."""
        resume(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pause]) -> None:
        """Resume each."""
        for pause in queryset:
            resume(pause)
