"""A channel for each user, as django-eventstream documents it."""

import django_eventstream  # type: ignore[import-not-found]  # of requirements-bench.txt
from django.urls import include, path

urlpatterns = [path("events/<user>/", include(django_eventstream.urls), {"format-channels": ["user-{user}"]})]
