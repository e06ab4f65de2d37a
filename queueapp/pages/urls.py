"""Addresses of the page and the event stream."""

from django.urls import path

from ..events.views import events
from ..limits.throttles import throttle_requests
from .views import home

urlpatterns = [
    path("", throttle_requests(home), name="home"),
    path("api/v1/events/", events, name="events"),
]
