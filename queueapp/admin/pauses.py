"""Pauses: which jobs are not started for now, since when, by whom and why. To resume, staff delete the pause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template import engines

from queueapp.lifecycle.pause import begin, resume
from queueapp.models import Owner, Pause
from queueapp.registry import task_names
from queueapp.user_model import active_users

from .base import QueueAdmin, finds_users
from .formatting import ago

if TYPE_CHECKING:
    AnyPauseForm = forms.ModelForm[Pause]
else:
    AnyPauseForm = forms.ModelForm

_KEY_HELP = "A fairness key whose jobs are not started. Without user, key and task, everything is paused."
INTRO = """{% extends "admin/change_list.html" %}
{% block object-tools %}{{ block.super }}
<p>What is paused is not started; what runs goes on to its end, and what waits keeps its place. Users read the reason on
their page. To resume, delete the pause.</p>
{% endblock %}"""


class PauseForm(AnyPauseForm):
    """The form of a new pause: a user, a key, a task, or none of them for everything; and the reason."""

    user: Any = forms.ModelChoiceField(None, required=False, help_text="Whose jobs are not started.")
    key = forms.CharField(required=False, validators=Owner._meta.get_field("key").validators, help_text=_KEY_HELP)
    task = forms.ChoiceField(required=False, help_text=Pause._meta.get_field("task").help_text)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "user" in self.fields:  # they are absent if a pause is only viewed
            fields: dict[str, Any] = self.fields
            fields["user"].queryset = active_users()
            fields["task"].choices = [("", "---------"), *((name, name) for name in task_names(internal=True))]

    def clean(self) -> dict[str, Any]:
        """Set the pause's owner; create it if need be.

        Raises ValidationError if several of user, key and task are given, or if the owner is paused already.
        """
        data: dict[str, Any] = super().clean() or self.cleaned_data
        user, key = data.get("user"), data.get("key")
        if len(list(filter(None, (user, key, data.get("task"))))) > 1:
            raise forms.ValidationError("Pause a user, a key or a task, not several at once.")
        if user or key:
            owner = Owner.objects.of_user(user) if user else Owner.objects.of_key(str(key))
            if Pause.objects.filter(owner=owner).exists():
                raise forms.ValidationError(f"{owner} is paused already.")
            self.instance.owner = owner
        return data


@admin.register(Pause)
class PauseAdmin(QueueAdmin[Pause]):
    """The pauses in force. A pause begins and ends, and nobody can change it."""

    change_list_template = engines["django"].from_string(INTRO)
    form = PauseForm
    list_display = ("what", "reason", "by", "began")
    list_select_related = ("owner__user", "by")
    sortable_by = ()

    def has_change_permission(self, request: HttpRequest, obj: Pause | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Pause | None = None) -> tuple[str, ...]:
        """Return the fields: a new pause names a user or a key, an existing one its owner."""
        return ("user", "key", "task", "reason") if obj is None else ("owner", "task", "reason")

    def get_form(self, request: HttpRequest, obj: Pause | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form. Staff search users as they type, if that is possible; else they choose from a list."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        if obj is None and finds_users(self.admin_site, request):
            form.base_fields["user"].widget = AutocompleteSelect(Owner._meta.get_field("user"), self.admin_site)
        return form

    @admin.display(description="paused")
    def what(self, pause: Pause) -> str:
        """Return what is paused: the owner, the task, or everything."""
        return str(pause)

    @admin.display(description="since")
    def began(self, pause: Pause) -> str:
        """Return how long ago it began, and when."""
        return ago(pause.since)

    def save_model(self, request: HttpRequest, obj: Pause, form: Any, change: bool) -> None:
        """Begin the pause, in the name of the user who asks."""
        assert request.user.is_authenticated
        obj.by = request.user
        begin(obj)

    def delete_model(self, request: HttpRequest, obj: Pause) -> None:
        """Resume what was paused: Django's own deletion would leave its jobs parked."""
        resume(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Pause]) -> None:
        """Resume what each of them paused."""
        for pause in queryset:
            resume(pause)
