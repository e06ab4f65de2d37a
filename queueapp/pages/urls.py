"""The addresses of the pages."""

from django.urls import path

from ..limits.throttles import throttle_requests
from .api_keys import api_keys, revoke
from .job import job_page
from .jobs import jobs_page
from .many.views import many_page
from .notices import digest, notices, webhook
from .share import shared_page
from .submit import submit_page
from .texts import texts
from .use import use_page
from .views import home

urlpatterns = [
    path("", throttle_requests(home), name="home"),
    path("keys/", throttle_requests(api_keys), name="api-keys"),
    path("keys/<str:prefix>/revoke/", throttle_requests(revoke), name="api-key-revoke"),
    path("notices/", throttle_requests(notices), name="notices"),
    path("notices/digest/", throttle_requests(digest), name="digest"),
    path("notices/webhooks/<int:webhook>/", throttle_requests(webhook), name="webhook-page"),
    path("submit/", throttle_requests(submit_page), name="submit"),
    path("submit/many/", throttle_requests(many_page), name="submit-many"),
    path("use/", throttle_requests(use_page), name="use-page"),
    path("jobs/", throttle_requests(jobs_page), name="jobs-page"),
    path("texts/<str:language>.js", texts, name="texts"),
    path("shared/<str:secret>/", shared_page, name="shared"),
    path("jobs/<str:job_id>/", throttle_requests(job_page), name="job-page"),
]
