"""The texts of the page's scripts in another language: Django's JavaScript catalog, by the language in its address."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import override
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from django.views.i18n import JavaScriptCatalog

_catalog = JavaScriptCatalog.as_view(packages=["queueapp"])


@cache_control(no_cache=True)
@conditional_page
def texts(request: HttpRequest, language: str) -> HttpResponseBase:
    """Return the script with the texts in this language, one of LANGUAGES. It has no secrets: nobody need log in."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    with override(language):
        return _catalog(request)
