"""The addresses of the console."""

from django.urls import path

from . import pages
from .actions import act
from .look import look, stop_looking

urlpatterns = [
    path("", pages.overview, name="staff"),
    path("failures/", pages.failures_page, name="staff-failures"),
    path("processors/", pages.processors_page, name="staff-processors"),
    path("flows/", pages.flows_page, name="staff-flows"),
    path("decisions/", pages.decisions_page, name="staff-decisions"),
    path("database/", pages.database_page, name="staff-database"),
    path("act/<str:name>/", act, name="staff-act"),
    path("look/", look, name="staff-look"),
    path("look/end/", stop_looking, name="staff-look-end"),
]
