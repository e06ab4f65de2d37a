"""The page Shares: processor time that flows were owed and got over a span, and how long their jobs waited."""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from queueapp.errors import SpanTooLarge
from queueapp.models import Flow
from queueapp.snapshots.shares import shares

from ..base import QueueAdmin
from .presenter import shown
from .span import LAST, chosen


class SharesPage(QueueAdmin[Flow]):
    """Adds the page to the admin of flows."""

    def get_urls(self) -> list[URLPattern]:
        """Return the page's address before the others, which take any path below it for the id of a flow."""
        page = path("shares/", self.admin_site.admin_view(self.shares_view), name="queueapp_flow_shares")
        return [page, *super().get_urls()]

    def shares_view(self, request: HttpRequest) -> TemplateResponse:
        """Return the page for the span in the address. Raises PermissionDenied unless the user may view flows."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        span, form = chosen(request.GET)
        context = self.admin_site.each_context(request) | {
            "title": "Shares",
            "opts": self.opts,
            "span": span,
            "form": form,
            "lasts": [(name, label) for name, (label, _) in LAST.items()],
        }
        try:
            found = shares(span.begin, span.until)
            context["shares"] = shown(found)
            context["span"] = replace(span, begin=found.slices.begin, until=found.slices.until)
        except SpanTooLarge as error:
            context["problem"] = str(error)
        return TemplateResponse(request, "admin/queueapp/flow/shares.html", context)
