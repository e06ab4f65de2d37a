"""Processors and the jobs that they run now, to view."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from queueapp.models import Processor

from .base import ReadOnlyAdmin
from .formatting import EMPTY_VALUE, ago, link, moment, percent, seconds


@admin.register(Processor)
class ProcessorAdmin(ReadOnlyAdmin[Processor]):
    """The processors of all clusters."""

    list_display = (
        "host",
        "pid",
        "cluster_begin",
        "state",
        "current_job",
        "done",
        "spent",
        "message",
        "seen",
    )
    list_display_links = ("host", "pid")
    list_select_related = ("job",)
    sortable_by = ()
    fields = (
        "host", "pid", "cluster", "state", "started", "seen", "lease", "turn", "current_flow", "current_job",
        "done", "message", "spent", "jobs_left",
    )  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Processor]:
        """Return processors with the database's time of the query: the host's clock may be off."""
        return Processor.objects.dated()

    @admin.display(description="cluster")
    def cluster_begin(self, processor: Processor) -> str:
        """Return the first characters of the cluster's id, enough to tell clusters apart."""
        return processor.cluster[:8]

    @admin.display(description="state")
    def state(self, processor: Processor) -> str:
        """Return its state in one word. Silent: its lease ran out, and its jobs will go to others."""
        if processor.lease_until <= processor.read_at:
            return "silent"
        if processor.draining or processor.retiring:
            return "draining"
        return "idle" if processor.job_id is None else "working"

    @admin.display(description="current job")
    def current_job(self, processor: Processor) -> SafeString | str:
        """Return a link to the job that it runs."""
        return link(processor.job)

    @admin.display(description="current flow")
    def current_flow(self, processor: Processor) -> SafeString | str:
        """Return a link to the flow whose turn it has; EMPTY_VALUE between turns."""
        return link(processor.flow) if processor.jobs else EMPTY_VALUE

    @admin.display(description="progress")
    def done(self, processor: Processor) -> str:
        """Return the progress of its job."""
        return EMPTY_VALUE if processor.job_id is None else percent(processor.progress)

    @admin.display(description="time spent on it")
    def spent(self, processor: Processor) -> str:
        """Return how long it has worked on its present job."""
        return EMPTY_VALUE if processor.job_id is None else seconds(processor.time_spent(processor.read_at))

    @admin.display(description="last sign of life")
    def seen(self, processor: Processor) -> str:
        """Return how long ago it was last seen, and when."""
        return ago(processor.seen_at)

    @admin.display(description="started")
    def started(self, processor: Processor) -> str:
        """Return how long ago it started, and when."""
        return ago(processor.started_at)

    @admin.display(description="lease until")
    def lease(self, processor: Processor) -> str:
        """Return the end of its lease, from which it counts as silent."""
        return moment(processor.lease_until)

    @admin.display(description="jobs of its turn that have not ended")
    def jobs_left(self, processor: Processor) -> str:
        return str(len(processor.jobs))
