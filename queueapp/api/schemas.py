"""What the API takes and gives, for its schema. Jobs and queues are described in snapshots/shapes.py, submissions in
lifecycle/validation.py."""

from __future__ import annotations

from typing import Any, get_type_hints

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from ..lifecycle.validation import Submission
from ..models.api_key import Scope
from ..notices import log
from ..snapshots import shapes
from ..states import Status


class BulkSubmission(BaseModel):
    """Many jobs, accepted all or nothing."""

    jobs: list[Submission] = Field(min_length=1, max_length=10_000)


class BulkAccepted(BaseModel):
    """What came of a bulk submission."""

    accepted: int = Field(description="Jobs that are new.")
    existing: int = Field(description="Jobs that stood there already with the same content.")


def _model(shape: type) -> type[BaseModel]:
    """Return a shape as drf-spectacular takes it."""
    fields: Any = {name: (of, ...) for name, of in get_type_hints(shape, include_extras=True).items()}
    model: type[BaseModel] = create_model(shape.__name__, __doc__=shape.__doc__, **fields)
    return model


Job = _model(shapes.Job)
Queue = _model(shapes.Queue)
Fleet = _model(shapes.Fleet)
JobLog = _model(shapes.JobLog)
Use = _model(shapes.Use)
WaitExplained = _model(shapes.WaitExplained)


class JobPage(BaseModel):
    """One page. It may have fewer jobs than were asked for, even none, and still a next one: a search looks at 100,000
    jobs a page, or reads 10,000 errors. The Link header has the same addresses."""

    next: str | None = Field(description="The address of the page that follows; null: there is none.")
    previous: str | None = Field(description="The address of the page before.")
    counts: shapes.Counts | None = Field(description="Of all your jobs, whatever the filter; null beyond page one.")
    results: list[shapes.Job]


class FleetBounds(BaseModel):
    """Other bounds of the fleet. Fields that are left out stay as they are; null: as configured."""

    model_config = ConfigDict(extra="forbid", strict=True)

    minimum: int | None = Field(default=None, ge=1, le=32_767)
    maximum: int | None = Field(default=None, ge=1, le=32_767)
    target_wait: float | None = Field(default=None, ge=1, le=86_400, allow_inf_nan=False)
    dry_run: bool = False


class ApiKey(BaseModel):
    """An API key, without its secret."""

    prefix: str = Field(description="How the key begins; it identifies the key.")
    name: str
    scopes: list[Scope]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = Field(description="It works until then; null: for ever.")
    last_used_at: AwareDatetime | None = Field(description="To the minute; null: never.")


class ApiKeys(BaseModel):
    """All API keys of a user, by name."""

    results: list[ApiKey]


class CreatedApiKey(ApiKey):
    """A new API key, with its secret."""

    key: str = Field(description="Goes into the header: Authorization: Bearer ... It is not shown again.")


class Webhook(BaseModel):
    """A webhook, without its secret."""

    id: int
    url: str
    statuses: list[Status] = Field(description="The ends that it is told of.")
    enabled: bool
    off_reason: str = Field(description="Why the queue switched it off; empty: it did not.")
    failures: int = Field(description="Messages in a row that could not be delivered.")
    created_at: AwareDatetime


class Webhooks(BaseModel):
    """All webhooks of a user, the oldest first."""

    results: list[Webhook]


class WebhookWithSecret(Webhook):
    """A webhook, with its new secret."""

    secret: str = Field(description="What messages are signed with. It is not shown again.")


Delivery = _model(log.Delivery)


class Deliveries(BaseModel):
    """The newest deliveries of a webhook, newest first."""

    results: list[log.Delivery]


class NewDelivery(BaseModel):
    """A delivery that was submitted."""

    id: str = Field(description="As in the list of deliveries.")


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str
    index: int | None = Field(default=None, description="Of the job in a bulk submission.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None
