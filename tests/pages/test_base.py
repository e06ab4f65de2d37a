"""The page inside a project's own look, language and time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from queueapp.lifecycle.processors import register
from queueapp.models import Outcome, Owner
from tests.kit.examples import Examples
from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

HOSTS = """<html><head><title>{% block title %}{% endblock %}</title>{% block extrahead %}{% endblock %}</head>
<body><header>The shop</header>{% block content %}{% endblock %}</body></html>"""


@pytest.mark.examples("docs/guides/add-to-your-project.md", "html")
@pytest.mark.django_db
def test_the_page_stands_in_the_base_of_the_project(settings: Any, tmp_path: Path, examples: Examples) -> None:
    [ours] = examples
    (tmp_path / "queueapp").mkdir()
    (tmp_path / "queueapp" / "base.html").write_text(ours.code)
    (tmp_path / "base.html").write_text(HOSTS)
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]
    everyone_takes_turns()
    browser = Client()
    browser.force_login(make_user("ada"))
    page = browser.get("/").content.decode()
    head, _, body = page.partition("</head>")
    assert "<title>Your queue" in head
    assert '<meta name="csrf-token"' in head
    assert "queueapp/app.js" in head
    assert "<header>The shop</header>" in body
    assert 'data-jobs="/api/v1/jobs/"' in body, "the scripts find the API"
    assert 'class="brand"' not in body


@pytest.mark.django_db
def test_numbers_and_moments_are_those_that_the_scripts_expect_in_any_language(settings: Any) -> None:
    settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR, settings.TIME_ZONE = "de", True, "Asia/Tokyo"
    everyone_takes_turns()
    ada = make_user("ada")
    submit_jobs(Owner.objects.of_user(ada), "a", duration=1234.5)
    run_all(register("c").pk)
    Outcome.objects.update(finished_at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC))
    browser = Client()
    browser.force_login(ada)
    page = browser.get("/").content.decode()
    assert 'data-duration="1234.5"' in page
    assert 'datetime="2026-05-04T03:02:01+00:00"' in page
    assert "03:02 UTC" in page
