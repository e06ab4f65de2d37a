"""The page of what a user used, as a browser without scripts asks for it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from queueapp.lifecycle.cancel import cancel
from queueapp.lifecycle.processors import register
from queueapp.models import Job, Owner
from tests.kit.queue import everyone_takes_turns, make_user, run_all, submit_jobs

pytestmark = pytest.mark.django_db


def test_the_page_has_the_jobs_and_the_time_of_each_day_and_task() -> None:
    everyone_takes_turns()
    browser = Client()
    browser.force_login(ada := make_user("ada"))
    assert "No job ended in these days." in browser.get("/use/").content.decode()
    submit_jobs(Owner.objects.of_user(ada), "a", "b")
    run_all(register("c").pk, spent=90)
    submit_jobs(Owner.objects.of_user(ada), "unwanted")
    cancel(Job.objects.get(name="unwanted"))
    page = browser.get("/use/").content.decode()
    assert "3 jobs, 3 min of processor time" in page
    cells = [re.findall(r">([^<>]+)</(?:bdi|t[dh])>", row) for row in re.findall(r"<tr>(.*?)</tr>", page)]
    assert cells[1] == ["wait", "3 min", "3", "0", "1"]
    assert cells[3][1:] == ["3 min", "3", "0", "1"], "today"
    assert len(cells) == 2 + 1 + 30
    assert all(row[1:] == ["0 s", "0", "0", "0"] for row in cells[4:])
    assert page.count("<rect") == 2
