"""The other project's own page of its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from tests.host.models import Person

if TYPE_CHECKING:
    PersonModelAdmin = admin.ModelAdmin[Person]
else:
    PersonModelAdmin = admin.ModelAdmin


@admin.register(Person)
class PersonAdmin(PersonModelAdmin):
    search_fields = ("email",)
