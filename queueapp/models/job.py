"""Jobs as they were submitted, and the backlog of those that wait."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, F, OuterRef, Prefetch, Q, Subquery
from django.db.models.functions import Coalesce

from ..db.clock import at_one_moment
from ..states import FINISHED, Status
from .attempt import Attempt
from .brief import MAX_BRIEF_ATTEMPTS, beginning, is_large, small
from .flow import Flow
from .outcome import Outcome
from .owner import Owner
from .processor import Processor


class JobQuerySet(models.QuerySet["Job"]):
    _at_one_moment = False

    def _clone(self) -> JobQuerySet:
        clone: JobQuerySet = super()._clone()  # type: ignore[misc]  # not in the stubs
        clone._at_one_moment = self._at_one_moment
        return clone

    def _fetch_all(self) -> None:
        if self._result_cache is None and self._at_one_moment:
            with at_one_moment():
                super()._fetch_all()
        else:
            super()._fetch_all()

    def of(self, owner_id: int) -> JobQuerySet:
        """The jobs of one owner."""
        return self.filter(owner_id=owner_id)

    def in_state(self, status: Status) -> JobQuerySet:
        """The jobs that are in this state now."""
        if status in FINISHED:
            return self.filter(outcome__status=status, outcome__owner=F("owner"))
        if status == Status.RUNNING:
            return self.filter(pk__in=Processor.objects.working().values("job"))
        # By both columns, so that the planner can begin with the backlog, far shorter than the list of all jobs.
        waits = Q(Exists(Waiting.objects.filter(owner=OuterRef("owner"), job=OuterRef("pk"))))
        if claimed := Processor.objects.not_started():
            waits |= Q(pk__in=claimed)
        return self.filter(waits)

    def whole(self) -> JobQuerySet:
        """The jobs with all that their state follows from, as of one moment. Three queries, however many jobs."""
        return self.select_related("owner__user", "outcome").prefetch_related("attempts")._with_processors()

    def brief(self) -> JobQuerySet:
        """The jobs as lists show them, with owner and last attempts. Two queries; large values are not read."""
        newest = Attempt.objects.filter(job=OuterRef("job")).order_by("-number").values("number")[:1]
        last = Attempt.objects.filter(number__gt=Subquery(newest) - MAX_BRIEF_ATTEMPTS)
        attempts = last.defer("error", "log").annotate(error_begins=beginning("error"))
        # Names and lists instead of models and managers, which cost more than all the rest of a row.
        brief = self.prefetch_related(Prefetch("attempts", queryset=attempts, to_attr="read_attempts"))
        names = {"read_user": F(f"owner__user__{get_user_model().USERNAME_FIELD}"), "read_key": F("owner__key")}
        return brief.defer("payload").annotate(small_payload=small("payload"), **names)

    def ended_brief(self) -> JobQuerySet:
        """The jobs as brief() loads them, with their outcomes."""
        ended = self.brief().select_related("outcome")
        return ended.defer("outcome__result", "outcome__error", "outcome__log").annotate(
            small_result=small("outcome__result"),
            result_is_large=is_large("outcome__result"),
            error_begins=beginning("outcome__error"),
        )

    def listed(self) -> JobQuerySet:
        """The jobs as whole() loads them, without large values."""
        return self.ended_brief()._with_processors()

    def _with_processors(self) -> JobQuerySet:
        """The jobs with the processors that work on them, as of one moment."""
        working = Processor.objects.working().dated()
        running = self.prefetch_related(Prefetch("processors", queryset=working, to_attr="read_processors"))
        running._at_one_moment = True
        return running


class Job(models.Model):
    """One request for work, as it was submitted. Its row never changes."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="jobs", db_index=False)
    # Compared byte by byte, so that its index also serves searches by prefix.
    name = models.CharField(
        "job id", max_length=200, db_collation="C", help_text="The submitter's own name for the job."
    )
    task = models.CharField(max_length=100)
    payload = models.JSONField(default=dict, blank=True)
    duration = models.FloatField(help_text="Expected processor seconds.")
    time_limit = models.FloatField(
        null=True, blank=True, help_text="Seconds that one attempt may take; empty: the task's."
    )
    memory_limit = models.FloatField(
        null=True, blank=True, help_text="Megabytes that one attempt may take; empty: the task's."
    )
    run_at = models.DateTimeField(null=True, blank=True, help_text="Not to be started before.")
    submitted_at = models.DateTimeField()
    # Null, not "": it then takes no space.
    traceparent = models.CharField(  # noqa: DJ001
        max_length=55, null=True, editable=False, help_text="The trace of its submission, as W3C Trace Context has it."
    )

    moved_to = models.BigIntegerField(
        null=True, editable=False, help_text="Its place, if its owner has moved it in the owner's own flow."
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            # Reader: submit.sql, which finds an earlier job of the same name.
            models.UniqueConstraint(fields=["owner", "name"], name="job_once_per_owner"),
            models.CheckConstraint(condition=Q(duration__gt=0), name="job_duration_above_0"),
        ]
        indexes = [
            # Reader: an owner's list of jobs, newest first.
            models.Index(fields=["owner", "-id"], name="job_of_owner"),
            # Readers: lists of the jobs of one task, which may be few among very many.
            models.Index(fields=["task"], name="job_of_task"),
        ]

    def __str__(self) -> str:
        return self.name

    read_user: str | None
    read_key: str | None
    """The owner's name, as JobQuerySet.brief() reads it."""

    @property
    def user_name(self) -> str | None:
        """The name of the user whose job it is; None for a key's."""
        return self.read_user if hasattr(self, "read_user") else self.owner.user_name

    @property
    def key(self) -> str | None:
        """The fairness key whose job it is; None for a user's."""
        return self.read_key if hasattr(self, "read_key") else self.owner.key

    @property
    def failed_attempts(self) -> Iterable[Attempt]:
        """The attempts that failed."""
        return self.read_attempts if hasattr(self, "read_attempts") else self.attempts.all()

    @property
    def processor(self) -> Processor | None:
        """The processor that runs the job now, if any."""
        return next(iter(self.read_processors if hasattr(self, "read_processors") else self.processors.all()), None)

    @property
    def ended(self) -> Outcome | None:
        """The outcome of the job, if it has ended."""
        return getattr(self, "outcome", None)

    @property
    def status(self) -> Status:
        """The present state of the job."""
        if self.ended is not None:
            return Status(self.ended.status)
        return Status.QUEUED if self.processor is None else Status.RUNNING


PLACES_APART = 2**20
"""The distance between the places of two jobs that follow each other, so that others can be moved between them."""
PLACE = Coalesce(F("moved_to"), F("job_id") * PLACES_APART, output_field=models.BigIntegerField())
"""The place of a waiting job in its flow: see db/sql/backlog/place_of.sql. A tie goes to the lower id."""


class Waiting(models.Model):
    """A waiting job. Its place in its flow follows from its id, so from its submission, or its owner has moved it.

    `moved_to` is that of the job, which has it while the job is in a turn or between attempts. In a flow that several
    owners share no job has one.

    A job that waits for a moment, a requested start or its next attempt, is in no flow until then. So it does not block
    the jobs behind it, and keeps its place. A parked job, whose owner or task is paused, is in no flow either, and
    waits for no moment.

    The table holds no other jobs, so the scan of a backlog never passes finished ones. It has no foreign key
    constraints: their checks would lock the flow's row, which a submission must not do.
    """

    pk = models.CompositePrimaryKey("owner", "job")
    owner = models.ForeignKey(Owner, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    job = models.ForeignKey(
        Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="places"
    )
    flow = models.ForeignKey(
        Flow, null=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="backlog"
    )
    not_before = models.DateTimeField(null=True, help_text="Its moment has not come: until then it is in no flow.")
    expected = models.FloatField(help_text="Processor seconds, as declared.")
    alone = models.BooleanField(default=False, db_default=False, help_text="It is to be taken in a turn of its own.")
    attempt = models.SmallIntegerField(default=1, help_text="Which attempt its next start is.")
    note = models.CharField(max_length=500, blank=True, db_default="", help_text="Why it waits, if it says.")
    moved_to = models.BigIntegerField(null=True, editable=False, help_text="Its place, if its owner has moved it.")

    class Meta:
        indexes = [
            # Readers: claim.sql (the head of a flow's backlog) and snapshots/positions.py (positions in it).
            models.Index("flow", PLACE, "job", name="waiting_in_order"),
            # Readers: an owner's queue and previews, which merge it with the jobs that were not moved.
            models.Index(fields=["owner", "moved_to"], condition=Q(moved_to__isnull=False), name="waiting_moved"),
            # Reader: due.sql (those whose moment has come).
            models.Index(fields=["not_before"], condition=Q(flow__isnull=True), name="waiting_for_a_moment"),
        ]
        verbose_name_plural = "waiting"

    @property
    def place(self) -> int:
        """The job's place in its flow: see PLACE."""
        return self.job_id * PLACES_APART if self.moved_to is None else self.moved_to
