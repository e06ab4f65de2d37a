"""Flows and their state in the fair order, to view."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest

from queueapp.models import Flow, Waiting

from ..base import ReadOnlyAdmin
from ..formatting import EMPTY_VALUE
from .shares import SharesPage

MAX_COUNTED = 10_000


@admin.register(Flow)
class FlowAdmin(SharesPage, ReadOnlyAdmin[Flow]):
    """Flows, beginning with the one whose turn is next."""

    list_display = ("name", "rule", "weight", "virtual_time", "is_ready", "backlogged", "busy")
    list_select_related = ("owner__user", "rule", "state")
    list_filter = ("state__backlogged", "rule")
    # The order in which claim.sql takes them; then those at their cap or held, then those at rest.
    ordering = ("-state__ready", "-state__backlogged", "state__vtime", "state__head")
    sortable_by = ()
    search_help_text = "The beginning of a user name, of a key, or of a rule's name."
    show_facets = admin.ShowFacets.NEVER
    fields = (
        "name", "key", "rule", "owner", "weight", "at_most", "virtual_time", "is_ready", "backlogged",
        "is_held", "waiting", "busy", "takes",
    )  # fmt: skip
    readonly_fields = fields

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Search by how the user name, the key or the rule's name begins."""
        user = f"owner__user__{get_user_model().USERNAME_FIELD}__startswith"
        return user, "owner__key__startswith", "rule__name__istartswith"

    @admin.display(description="name")
    def name(self, flow: Flow) -> str:
        return flow.name

    @admin.display(description="weight")
    def weight(self, flow: Flow) -> float:
        """Return the turns that it gets for each turn of a flow with weight 1."""
        return flow.state.weight

    @admin.display(description="ready", boolean=True)
    def is_ready(self, flow: Flow) -> bool:
        """Whether its turn can come: jobs wait in it, it is below its cap, and it is not held."""
        return bool(flow.state.ready)

    @admin.display(description="backlogged", boolean=True)
    def backlogged(self, flow: Flow) -> bool:
        """Whether jobs wait in it."""
        return flow.state.backlogged

    @admin.display(description="held", boolean=True)
    def is_held(self, flow: Flow) -> bool:
        """Whether it takes no turns while jobs move from or to another flow."""
        return flow.state.held

    @admin.display(description="busy")
    def busy(self, flow: Flow) -> int:
        """Return the number of processors that work for it now."""
        return flow.state.busy

    @admin.display(description="virtual time")
    def virtual_time(self, flow: Flow) -> str:
        """Return the virtual time: processor seconds divided by the weight, to the millisecond."""
        return f"{flow.state.vtime:,.3f}"

    @admin.display(description="jobs take")
    def takes(self, flow: Flow) -> str:
        """Return what its recent jobs took for each second that they declared; EMPTY_VALUE if none has ended."""
        return f"{flow.state.ratio:.3g} s for each second declared" if flow.state.learned_from else EMPTY_VALUE

    @admin.display(description="processors at most")
    def at_most(self, flow: Flow) -> str:
        """Return the cap; EMPTY_VALUE if there is none."""
        return EMPTY_VALUE if flow.state.cap is None else str(flow.state.cap)

    @admin.display(description="jobs that wait")
    def waiting(self, flow: Flow) -> str:
        """Return the number of waiting jobs, counted up to MAX_COUNTED, and on the page of one flow only."""
        number = Waiting.objects.filter(flow=flow).order_by()[: MAX_COUNTED + 1].count()
        return f"more than {MAX_COUNTED:,}" if number > MAX_COUNTED else f"{number:,}"
