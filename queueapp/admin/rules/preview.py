"""The preview of a change of rules: what it would do, shown before anything is saved."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from queueapp.models import PriorityRule, database_now

from ..base import QueueAdmin
from .change import Change, by_deleting, by_saving
from .report import report

PREVIEW, EDIT = "_preview", "_edit"
"""The buttons: show what saving would do; go back to the form."""
_NOT_POSTED_AGAIN = {PREVIEW, EDIT, "_save", "_continue", "_addanother", "csrfmiddlewaretoken"}


class _Checked(Exception):
    """The form is valid."""

    def __init__(self, form: Any) -> None:
        self.form = form


class _ShownAgain:
    """Makes a form that is never taken as valid, and so is shown again and not saved."""

    def is_valid(self) -> bool:
        """No."""
        return False


class PreviewAdmin(QueueAdmin[PriorityRule]):
    """A form with a button "Preview" beside "Save", and a look ahead where a deletion is confirmed."""

    actions = ("delete_selected",)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form; or, where a preview was asked for and the form is valid, the preview."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except _Checked as checked:
            # Out here the transaction that the admin opened to save in is over.
            return self._preview_page(request, checked.form)

    def get_form(
        self, request: HttpRequest, obj: PriorityRule | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form; the one to go back to is as it was posted."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (_ShownAgain, form), {}) if EDIT in request.POST else form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Django's first step of saving, for which the form is known to be valid. A preview goes no further."""
        if PREVIEW in request.POST:
            raise _Checked(form)
        return super().save_form(request, form, change)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """The question whether to delete a rule, with what that would do."""
        if not context["protected"] and not context["perms_lacking"]:
            context["preview"] = _report(request, by_deleting([context["object"]]))
        return super().render_delete_form(request, context)

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[PriorityRule]) -> HttpResponse | None:
        """Django's action, which first asks; with what the deletion would do."""
        response = delete_selected(self, request, queryset)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["preview"] = _report(request, by_deleting(queryset))
        return response

    def _preview_page(self, request: HttpRequest, form: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Preview of “{form.instance}”",
            "original": form.initial.get("name"),
            "object_id": form.instance.pk,
            "posted": [
                (name, value)
                for name, values in request.POST.lists()
                if name not in _NOT_POSTED_AGAIN
                for value in values
            ],
            "preview": _report(request, by_saving(form)),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/queueapp/priorityrule/preview.html", context)


def _report(request: HttpRequest, change: Change) -> dict[str, Any]:
    return report(change, database_now(), linked=request.user.has_perm("queueapp.view_owner"))
