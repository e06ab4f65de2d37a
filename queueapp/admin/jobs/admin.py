"""Jobs: all that have not been pruned, to find, view, cancel and try again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from queueapp.job_ids import normal_job_id
from queueapp.models import Attempt, Flow, Job, Outcome, Owner, Processor, Waiting

from ..base import EstimatedCountChangeList, EstimatedCountPaginator, ReadOnlyAdmin
from ..formatting import EMPTY_VALUE, block, brief_moment, link, moment, percent, pretty_json, scrolling, seconds
from .actions import JobActions
from .filters import StatusFilter, SubmittedFilter, TaskFilter

MAX_ERROR = 80
"""Characters of an error in the list."""
_HEAD = ("name", "owner", "state")
_ASKED = ("task", "payload_shown", "expected", "time_limit", "memory_limit", "run_at", "submitted")
_WORK = ("flow", "processor", "attempt", "progress", "message", "started", "finished", "spent")
_END = ("result", "error", "log", "attempts_shown")


@admin.register(Job)
class JobAdmin(JobActions, ReadOnlyAdmin[Job]):
    """Jobs, newest first."""

    class Media:
        css = {"all": ["queueapp/jobs.css"]}

    list_display = ("name", "owner", "task", "state_brief", "expected", "spent", "submitted_brief", "ran")
    list_filter = (StatusFilter, TaskFilter, SubmittedFilter)
    list_per_page = 50
    list_max_show_all = 500
    ordering = ("-id",)
    # Any other order would sort the whole table.
    sortable_by = ()
    paginator = EstimatedCountPaginator
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("name",)
    search_help_text = "A user name or a key, a job id or how it begins, or both: “anna report-7”."
    fieldsets = (
        (None, {"fields": _HEAD}),
        ("What was asked for", {"fields": _ASKED}),
        ("How it goes", {"fields": _WORK}),
        ("What came of it", {"fields": _END}),
    )
    readonly_fields = (*_HEAD, *_ASKED, *_WORK, *_END)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EstimatedCountChangeList]:
        """Return the class of the list, which searches once."""
        return EstimatedCountChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Return jobs without the large values, which only the page of one job shows and then loads."""
        large = ("payload", "outcome__result", "outcome__error", "outcome__log")
        # A subquery of the rows shown: a join would be made for all whose keys are counted.
        error = Outcome.objects.filter(job=OuterRef("pk")).values(begins=Left("error", MAX_ERROR + 1))
        return Job.objects.whole().defer(*large).annotate(error_begins=Subquery(error))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        """Return jobs that match each word: the owner's name or, if no owner has it, a prefix of the job id."""
        words = search_term.split()
        # A query of its own: in one condition with the job id, the join would run over millions of jobs.
        owners = Owner.objects.named(words)
        for word in words:
            found = Q(owner=owners[word]) if word in owners else Q(name__startswith=normal_job_id(word))
            queryset = queryset.filter(found)
        return queryset, False

    @admin.display(description="status")
    def state(self, job: Job) -> str:
        return job.status

    @admin.display(description="status")
    def state_brief(self, job: Job) -> SafeString | str:
        """Return the status and the first line of the error, cut after MAX_ERROR characters, for the list."""
        begins: str = getattr(job, "error_begins", None) or ""
        line = begins.partition("\n")[0]
        cut = f"{line[:MAX_ERROR]}…" if len(line) > MAX_ERROR else line
        return format_html('{}<div class="quiet">{}</div>', job.status, cut) if cut else str(job.status)

    @admin.display(description="duration")
    def expected(self, job: Job) -> str:
        """Return the declared processor time."""
        return seconds(job.duration)

    @admin.display(description="time spent")
    def spent(self, job: Job) -> str:
        """Return the processor time: of all attempts if it ended, else of the running attempt so far."""
        if job.ended is not None:
            return seconds(job.ended.time_spent)
        return EMPTY_VALUE if job.processor is None else seconds(job.processor.time_spent(job.processor.read_at))

    @admin.display(description="submitted")
    def submitted(self, job: Job) -> str:
        """Return when it was accepted."""
        return moment(job.submitted_at)

    @admin.display(description="submitted")
    def submitted_brief(self, job: Job) -> str:
        """Return the same, for the list."""
        return brief_moment(job.submitted_at)

    @admin.display(description="started")
    def started(self, job: Job) -> str:
        """Return when its last attempt began."""
        return moment(_started_at(job))

    @admin.display(description="finished")
    def finished(self, job: Job) -> str:
        """Return when it ended."""
        return moment(job.ended.finished_at if job.ended else None)

    @admin.display(description="ran")
    def ran(self, job: Job) -> str:
        """Return when its last attempt began and when it ended, for the list."""
        started = brief_moment(_started_at(job))
        if job.ended is None:
            return started
        ended = brief_moment(job.ended.finished_at)
        return f"{started} to {ended}" if job.ended.attempt else f"never, ended {ended}"

    @admin.display(description="payload")
    def payload_shown(self, job: Job) -> SafeString:
        """Return the task's arguments as JSON."""
        return pretty_json(job.payload)

    @admin.display(description="flow")
    def flow(self, job: Job) -> SafeString | str:
        """Return a link to the flow that it waits in, runs in, or was in last."""
        if job.ended is not None:
            return link(Flow.objects.select_related("owner__user", "rule").filter(pk=job.ended.flow_id or 0).first())
        holder, place = _holder(job), _place(job)
        return link(holder.flow if holder else place.flow if place else None)

    @admin.display(description="processor")
    def processor(self, job: Job) -> SafeString | str:
        """Return a link to the processor that has it in its turn, whether it runs already or is about to."""
        return link(_holder(job))

    @admin.display(description="attempt")
    def attempt(self, job: Job) -> str:
        """Return which attempt runs, ended it, or comes next."""
        if job.ended is not None:
            return str(job.ended.attempt) if job.ended.attempt else "never started"
        if holder := _holder(job):
            return str(dict(zip(holder.jobs, holder.attempts, strict=False)).get(job.pk, EMPTY_VALUE))
        place = _place(job)
        return f"waits for attempt {place.attempt}" if place else EMPTY_VALUE

    @admin.display(description="progress")
    def progress(self, job: Job) -> str:
        """Return its progress, or how far it came."""
        told = job.ended or job.processor
        return percent(told.progress) if told else EMPTY_VALUE

    @admin.display(description="message")
    def message(self, job: Job) -> str:
        """Return the message that came with its progress."""
        told = job.ended or job.processor
        return (told.message if told else "") or EMPTY_VALUE

    @admin.display(description="result")
    def result(self, job: Job) -> SafeString | str:
        """Return the result of its task as JSON."""
        return EMPTY_VALUE if job.ended is None or job.ended.result is None else pretty_json(job.ended.result)

    @admin.display(description="error")
    def error(self, job: Job) -> SafeString | str:
        """Return why it failed."""
        return block(job.ended.error) if job.ended and job.ended.error else EMPTY_VALUE

    @admin.display(description="log")
    def log(self, job: Job) -> SafeString | str:
        """Return the output and traceback of its last attempt, unless that is among those that failed."""
        if job.ended is None or not job.ended.log or any(a.number == job.ended.attempt for a in job.attempts.all()):
            return EMPTY_VALUE
        return scrolling(job.ended.log)

    @admin.display(description="attempts that failed")
    def attempts_shown(self, job: Job) -> SafeString | str:
        """Return each failed attempt with its times, its error and its log."""
        return format_html_join("", "<p>Attempt {}: {}, {}</p>{}{}", map(_told, job.attempts.all())) or EMPTY_VALUE


def _told(attempt: Attempt) -> tuple[Any, ...]:
    when = f"{moment(attempt.started_at)} to {moment(attempt.finished_at)}"
    log = scrolling(attempt.log) if attempt.log else ""
    return attempt.number, when, f"{seconds(attempt.time_spent)} spent", block(attempt.error), log


def _started_at(job: Job) -> datetime | None:
    if job.ended is not None:
        return job.ended.started_at
    return job.processor.job_started_at if job.processor else None


def _holder(job: Job) -> Processor | None:
    """Return the processor that has the job in its turn, if any."""
    return Processor.objects.select_related("flow__owner__user", "flow__rule").filter(jobs__contains=[job.pk]).first()


def _place(job: Job) -> Waiting | None:
    """Return the job's waiting row, if it waits."""
    places = Waiting.objects.select_related("flow__owner__user", "flow__rule")
    return places.filter(owner_id=job.owner_id, job_id=job.pk).first()
