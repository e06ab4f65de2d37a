"""Django's admin: rules, pauses and users are edited here, jobs, flows and processors are only looked at."""

from django.contrib import admin

from . import flows, jobs, pauses, processors, rules, users  # noqa: F401 (each registers its model)

admin.site.site_header = "Turnabout"
admin.site.site_title = "Turnabout"
admin.site.index_template = "admin/queueapp/index.html"
admin.site.index_title = "Turnabout: users, rules, jobs and processors"
