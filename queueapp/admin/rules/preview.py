"""The preview of a change of rules: its effects, shown before anything is saved."""

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
"""Names of buttons: show the effects of saving; go back to the form."""
_NOT_POSTED_AGAIN = {PREVIEW, EDIT, "_save", "_continue", "_addanother", "csrfmiddlewaretoken"}


class _Checked(Exception):
    """A preview was asked for, and the form is valid."""

    def __init__(self, form: Any) -> None:
        self.form = form


class _ShownAgain:
    """A mix-in for a form that never counts as valid, so that it is shown again and not saved."""

    def is_valid(self) -> bool:
        return False


class PreviewAdmin(QueueAdmin[PriorityRule]):
    """A form with a button "Preview" beside "Save". The page that confirms a deletion has a preview, too."""

    actions = ("delete_selected",)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Return the preview if it was asked for and the form is valid. Otherwise do as Django does."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except _Checked as checked:
            # Here, the transaction that the admin opened to save in is over.
            return self._preview_page(request, checked.form)

    def get_form(
        self, request: HttpRequest, obj: PriorityRule | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form. The one to go back to keeps what was posted."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (_ShownAgain, form), {}) if EDIT in request.POST else form

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        """Stop a preview: raise _Checked. This is Django's first step of saving, and the form is known to be valid."""
        if PREVIEW in request.POST:
            raise _Checked(form)
        return super().save_form(request, form, change)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        """Return the page that confirms a deletion, with the effects of that."""
        if not context["protected"] and not context["perms_lacking"]:
            context["preview"] = _report(request, by_deleting([context["object"]]))
        return super().render_delete_form(request, context)

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[PriorityRule]) -> HttpResponse | None:
        """Do as Django's action, which asks first. Its question shows the effects of the deletion."""
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
