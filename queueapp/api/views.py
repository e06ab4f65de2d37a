"""The endpoints of jobs and queues. They decide who may do what; lifecycle/ does it."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from ..errors import FieldError, InvalidFilter, InvalidQuery, InvalidSubmission, NotWaiting
from ..events.hub import accuracy_now
from ..events.job_wait import MAX_WAIT, wait_for
from ..job_ids import normal_job_id
from ..lifecycle.cancel import cancel
from ..lifecycle.job_filter import ListFilter, Move, parse_filter
from ..lifecycle.reorder import reorder
from ..lifecycle.retry import try_again
from ..lifecycle.staff_log import note_job, note_submitted
from ..lifecycle.submit import submit_each
from ..lifecycle.validation import Submission, parse, parse_all
from ..models import Job, Owner, at_one_moment
from ..models.api_key import Scope
from ..snapshots import explain_wait, job_dict, job_log, new_job_dict, queue_snapshot, use_of
from . import schemas
from .base import ERRORS, PROBLEM, ConditionalView, ProtectedView
from .bulk import bulk_turn
from .described import described
from .pagination import SIZES, job_page, whole_number
from .schemas import BulkAccepted, BulkSubmission, JobPage, Problem, Queue, WaitExplained
from .whose import NAMES, WHOSE, asking, owner_in_query, owner_of

FILTER = [
    OpenApiParameter(
        name,
        {key: value for key, value in field.items() if key not in ("description", "title") and value is not None},
        description=field["description"],
    )
    for name, field in ListFilter.model_json_schema()["properties"].items()
]
"""The fields of a filter, as parameters of the query."""


class JobsView(ConditionalView):
    """All my jobs."""

    takes: ClassVar = {"GET": {*ListFilter.model_fields, "cursor", "page_size", *NAMES}}
    scopes: ClassVar = {"GET": Scope.READ, "POST": Scope.SUBMIT}

    @described(
        operation_id="jobs_list",
        summary="List my jobs that match a filter, and count all",
        parameters=[
            *FILTER,
            OpenApiParameter("cursor", str, description="From a page's next or previous."),
            OpenApiParameter("page_size", SIZES, description="Jobs a page; left out: 100."),
            *WHOSE,
        ],
        responses={200: JobPage, 404: PROBLEM, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return job_page(request, owner_in_query(request), _asked(request))

    @described(
        operation_id="jobs_submit",
        summary="Submit a job",
        request=Submission,
        responses={
            201: OpenApiResponse(schemas.Job, "Accepted."),
            200: OpenApiResponse(schemas.Job, "It was there already with the same content: the job as it stands."),
            403: PROBLEM,
            409: OpenApiResponse(Problem, "The job_id is taken by other content."),
            **ERRORS,
        },
    )
    def post(self, request: Request) -> Response:
        submission = parse(request.data)
        owner = owner_of(request, submission.user, submission.key)
        newest = submit_each([(owner, submission)]).newest
        if newest is None:
            return Response(job_dict(Job.objects.whole().get(owner=owner, name=submission.job_id)))
        note_submitted(asking(request), {owner: 1})
        job = Job(newest.id, owner=owner, submitted_at=newest.submitted_at, **submission.fields())
        of_whom = {"user": submission.user, "key": submission.key}
        of_whom = {name: value for name, value in of_whom.items() if value is not None}
        address = request.build_absolute_uri(reverse("queueapp:job", args=[job.name], query=of_whom))
        return Response(new_job_dict(job, newest.position), 201, headers={"Location": address})


class BulkView(ProtectedView):
    """Many jobs at once."""

    scopes: ClassVar = {"POST": Scope.SUBMIT}

    @described(
        operation_id="jobs_submit_bulk",
        summary="Submit up to 10,000 jobs, all or nothing",
        request=BulkSubmission,
        responses={
            201: BulkAccepted,
            403: PROBLEM,
            409: PROBLEM,
            503: OpenApiResponse(Problem, "Others are being read; try again after the seconds in Retry-After."),
            **ERRORS,
        },
    )
    def post(self, request: Request) -> Response:
        with bulk_turn():  # the body is read in it, and its jobs are in memory until the end
            return self._submit(request)

    def _submit(self, request: Request) -> Response:
        data = request.data
        if not isinstance(data, dict) or set(data) != {"jobs"}:
            raise InvalidSubmission([FieldError("jobs", "must be the one field of the request: a list of jobs")])
        submissions = parse_all(data["jobs"])
        named = Counter((submission.user, submission.key) for submission in submissions)
        owners = {names: owner_of(request, *names) for names in named}
        jobs = Counter[Owner]()
        for names, many in named.items():  # one's own name may be given or left out
            jobs[owners[names]] += many
        accepted = submit_each([(owners[job.user, job.key], job) for job in submissions])
        note_submitted(asking(request), jobs)
        return Response({"accepted": accepted.accepted, "existing": accepted.existing}, 201)


class JobView(ConditionalView):
    """One of my jobs."""

    takes: ClassVar = {"GET": {"wait", *NAMES}, "DELETE": NAMES}
    scopes: ClassVar = {"GET": Scope.READ, "DELETE": Scope.CANCEL}

    @described(
        operation_id="jobs_retrieve",
        summary="Look at a job, perhaps when it has ended",
        parameters=[
            OpenApiParameter(
                "wait",
                {"type": "integer", "minimum": 0, "maximum": MAX_WAIT, "default": 0},
                description="Seconds to wait for its end. The answer comes as soon as it has ended.",
            ),
            *WHOSE,
        ],
        responses={200: schemas.Job, 404: PROBLEM, **ERRORS},
    )
    def get(self, request: Request, job_id: str) -> Response:
        seconds = whole_number(request, "wait", 0, least=0, most=MAX_WAIT)
        job = _job(request, job_id)
        if seconds and job.ended is None:
            wait_for(request._request, job.owner_id, job.pk, seconds)
        return Response(job_dict(job))

    @described(
        operation_id="jobs_cancel",
        summary="Cancel a job",
        parameters=WHOSE,
        responses={
            200: OpenApiResponse(schemas.Job, "It waited, and is cancelled."),
            202: OpenApiResponse(schemas.Job, "It runs, and is asked to stop: the job as it stands."),
            404: PROBLEM,
            409: OpenApiResponse(Problem, "It has ended."),
            **ERRORS,
        },
    )
    def delete(self, request: Request, job_id: str) -> Response:
        job = _job(request, job_id)
        done = cancel(job)
        note_job(asking(request), job, "Cancelled" if done else "Asked to stop")
        return Response(job_dict(_job(request, job_id)), 200 if done else 202)


class RetryView(ProtectedView):
    """Another chance for one of my jobs."""

    takes: ClassVar = {"POST": NAMES}
    scopes: ClassVar = {"POST": Scope.CANCEL}

    @described(
        operation_id="jobs_try_again",
        summary="Try a job again that failed or was cancelled",
        parameters=WHOSE,
        request=None,
        responses={200: schemas.Job, 404: PROBLEM, 409: PROBLEM, **ERRORS},
    )
    def post(self, request: Request, job_id: str) -> Response:
        job = _job(request, job_id)
        try_again(job)
        note_job(asking(request), job, "Tried again")
        return Response(job_dict(_job(request, job_id)))


class JobLogView(ConditionalView):
    """What one of my jobs said."""

    takes: ClassVar = {"GET": NAMES}
    scopes: ClassVar = {"GET": Scope.READ}

    @described(
        operation_id="jobs_log",
        summary="What a job printed, its stages and its note, also while it runs",
        parameters=WHOSE,
        responses={200: schemas.JobLog, 404: PROBLEM, **ERRORS},
    )
    def get(self, request: Request, job_id: str) -> Response:
        with at_one_moment() as now:
            return Response(job_log(_job(request, job_id), now))


class WaitView(ProtectedView):
    """Why one of my jobs waits."""

    takes: ClassVar = {"GET": NAMES}
    scopes: ClassVar = {"GET": Scope.READ}

    @described(
        operation_id="jobs_why",
        summary="Why a job waits, and when it should start",
        parameters=WHOSE,
        responses={200: WaitExplained, 404: PROBLEM, 409: OpenApiResponse(Problem, "It does not wait."), **ERRORS},
    )
    def get(self, request: Request, job_id: str) -> Response:
        job = _job(request, job_id)
        explained = explain_wait(job, accuracy_now())
        if explained is None:
            raise NotWaiting(f"Job {job_id} does not wait: it is {_job(request, job_id).status}.")
        return Response(explained)


class MoveView(ProtectedView):
    """Another place for one of my jobs."""

    takes: ClassVar = {"POST": NAMES}
    scopes: ClassVar = {"POST": Scope.CANCEL}

    @described(
        operation_id="jobs_move",
        summary="Move a waiting job to the front or the back of my own flow",
        parameters=WHOSE,
        request=Move,
        responses={
            200: schemas.Job,
            404: PROBLEM,
            409: OpenApiResponse(Problem, "It does not wait, or not in a flow of the owner's alone."),
            **ERRORS,
        },
    )
    def post(self, request: Request, job_id: str) -> Response:
        to = parse_filter(Move, request.data).to
        job = _job(request, job_id)
        reorder(job, front=to == "front")
        note_job(asking(request), job, f"Moved to the {to}")
        return Response(job_dict(_job(request, job_id)))


class QueueView(ProtectedView):
    """My queue."""

    takes: ClassVar = {"GET": NAMES}
    scopes: ClassVar = {"GET": Scope.READ}

    @described(
        operation_id="queue",
        summary="What runs, what waits, and my share",
        parameters=WHOSE,
        responses={200: Queue, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return Response(queue_snapshot(owner_in_query(request)))


class UseView(ProtectedView):
    """My use over time."""

    takes: ClassVar = {"GET": NAMES}
    scopes: ClassVar = {"GET": Scope.READ}

    @described(
        operation_id="use",
        summary="What I used in the last 30 days, by day and by task",
        parameters=WHOSE,
        responses={200: schemas.Use, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return Response(use_of(owner_in_query(request)))


def _job(request: Request, job_id: str) -> Job:
    return get_object_or_404(Job.objects.whole(), owner=owner_in_query(request), name=normal_job_id(job_id))


def _asked(request: Request) -> ListFilter:
    given = {name: value for name, value in request.query_params.items() if name in ListFilter.model_fields}
    try:
        return parse_filter(ListFilter, given)
    except InvalidFilter as invalid:
        raise InvalidQuery(invalid.errors) from None
