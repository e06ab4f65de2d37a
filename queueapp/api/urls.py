"""Addresses of the API and the event stream."""

from django.apps import apps
from django.urls import include, path

from ..events.views import events
from ..notices import has_webhooks
from .docs import DocsView, SchemaView
from .fleet import FleetView
from .keys import KeysView, KeyView
from .matching import CancelMatchingView, MoveMatchingView, RetryMatchingView
from .views import BulkView, JobLogView, JobsView, JobView, MoveView, QueueView, RetryView, UseView, WaitView

urlpatterns = [
    path("jobs/", JobsView.as_view(), name="jobs"),
    path("jobs/bulk/", BulkView.as_view(), name="jobs-bulk"),
    path("jobs/cancel/", CancelMatchingView.as_view(), name="jobs-cancel"),
    path("jobs/move/", MoveMatchingView.as_view(), name="jobs-move"),
    path("jobs/retry/", RetryMatchingView.as_view(), name="jobs-retry"),
    path("jobs/<str:job_id>/", JobView.as_view(), name="job"),
    path("jobs/<str:job_id>/move/", MoveView.as_view(), name="job-move"),
    path("jobs/<str:job_id>/retry/", RetryView.as_view(), name="job-retry"),
    path("jobs/<str:job_id>/log/", JobLogView.as_view(), name="job-log"),
    path("jobs/<str:job_id>/why/", WaitView.as_view(), name="job-why"),
    path("queue/", QueueView.as_view(), name="queue"),
    path("use/", UseView.as_view(), name="use"),
    path("fleet/", FleetView.as_view(), name="fleet"),
    path("keys/", KeysView.as_view(), name="keys"),
    path("keys/<str:prefix>/", KeyView.as_view(), name="key"),
    path("events/", events, name="events"),
    path("schema/", SchemaView.as_view(), name="schema"),
]
if has_webhooks():
    urlpatterns.append(path("webhooks/", include("queueapp.api.webhook_urls")))
if apps.is_installed("drf_spectacular") and apps.is_installed("drf_spectacular_sidecar"):  # its templates, its scripts
    urlpatterns.append(path("docs/", DocsView.as_view(url_name="queueapp:schema"), name="docs"))
