"""The address of the page."""

from django.urls import path

from ..limits.throttles import throttle_requests
from .views import home

urlpatterns = [
    path("", throttle_requests(home), name="home"),
]
