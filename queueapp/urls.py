"""Addresses of the queue, for a project to include: `path("queue/", include("queueapp.urls"))`."""

from django.urls import include, path

app_name = "queueapp"

urlpatterns = [
    path("", include("queueapp.pages.urls")),
    path("api/v1/", include("queueapp.api.urls")),
]
