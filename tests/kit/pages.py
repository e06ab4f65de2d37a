"""The pages in a browser, as a user works with them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.utils.translation import override
from playwright.sync_api import Locator, Page, expect

from queueapp.pages import humanize
from tests.kit.site import Site

expect.set_options(timeout=15_000)

Login = Callable[..., Page]
NEXT_TURN = re.compile(r"^Your share now: .+; next turn (any moment|in about \d+ s)$")
NOTIFICATIONS = """
    window.Notification = class {
        static get permission() { return localStorage.getItem("allowed") ?? "default"; }
        static async requestPermission() { localStorage.setItem("allowed", "granted"); }
        constructor(title, { body }) { document.body.dataset.told = `${title}: ${body}`; }
    };
"""


def fresh(name: str) -> str:
    """A user name that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:6]}"


def fill_log_in(page: Page, name: str, password: str) -> None:
    """Log in by the form, which the page shows."""
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def row(page: Page, kind: str, job_id: str) -> Locator:
    """The row of a job in one of the three lists."""
    return page.get_by_test_id(kind).locator(f'[data-job-id="{job_id}"]')


def submit(page: Page, job_id: str, duration: str) -> None:
    """Submit a job by the form."""
    page.get_by_label("Job id").fill(job_id)
    page.get_by_label("Duration in seconds").fill(duration)
    page.get_by_role("button", name="Submit job").click()


def send(site: Site, name: str, jobs: list[dict[str, Any]]) -> None:
    """Submit jobs as this user."""
    with site.client(name) as client:
        client.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()


def run_task(site: Site, name: str, job_id: str, task: str, **payload: Any) -> None:
    """Submit a job of this task as this user."""
    send(site, name, [{"job_id": job_id, "duration": 0.1, "task": task, "payload": payload}])


def wait_for_ended(site: Site, name: str, many: int) -> None:
    """Wait until so many jobs of the user have ended."""
    site.wait_for(
        "SELECT count(*) = %s FROM queueapp_outcome o JOIN queueapp_owner w ON w.id = owner_id"
        " JOIN accounts_user u ON u.id = w.user_id WHERE username = %s",
        many,
        name,
    )


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the wanted element has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("Tab never got there")


def put_out_of_sight(page: Page, *, hidden: bool = True) -> None:
    """Have the page believe that another tab is in front of it, or that it is in front again."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def assert_numbers_alike(page: Page, language: str) -> None:
    """Check that the page's scripts and the server say numbers, durations and sentences with the same words."""
    lengths = [0, 0.0004, 0.004, 0.09, 0.1, 1, 9.96, 12.5, 59.94, 59.96, 60, 61.4, 3599.4, 3600, 7500, 86_399, 2e5]
    shares = [(1.0, 1), (0.25, 4), (0.3333, 3), (0.375, 4), (0.0175, 57), (0.0123, 9), (0.1234, 5), (1 / 1200, 1200)]
    given = [
        {"owed": 0.75, "flows": 2, "weight": 3.0, "flow": "olga", "cap": None},
        {"owed": 0.5, "flows": 2, "weight": 1.0, "flow": "everyone else", "cap": 2},
        {"owed": 0.5, "flows": 2, "weight": 1234.5, "flow": "everyone else", "cap": None},
        {"owed": 0.0, "flows": 2, "weight": 1.0, "flow": "olga", "cap": None},
    ]
    turns = [(True, None), (False, None), (True, 0.4), (True, 12.3), (True, 4000)]
    fleets = [(0, 0, 0, 0), (0, 0, 0, 1), (1, 0, 0, 0), (1, 1, 1, 3), (4, 0, 0, 0), (4, 3, 0, 0), (1200, 1100, 2, 1100)]
    ranges = [(0.2, 0.8), (0.2, 7), (3, 3.2), (3, 9), (40, 130), (50, 172_800), (86_400, 172_800), (-5, 12)]
    said = page.evaluate(
        """async ([lengths, shares, given, turns, fleets, ranges]) => {
            const format = await import("/static/queueapp/format.js");
            return [
                lengths.map(format.formatDuration),
                lengths.map(format.formatTimeUntil),
                shares.map((share) => format.formatTurns(...share)),
                given.flatMap((share) => turns.map((turn) => format.shareSentence(share, "olga", ...turn))),
                fleets.map((fleet) => format.processorsSentence(...fleet)),
                ranges.map((range) => format.formatRangeUntil(...range)),
            ];
        }""",
        [lengths, shares, given, turns, fleets, ranges],
    )
    with override(language):
        assert said == [
            [humanize.seconds(length) for length in lengths],
            [humanize.soon(length) for length in lengths],
            [humanize.turns(*share) for share in shares],
            [humanize.share(share, "olga", *turn) for share in given for turn in turns],
            [humanize.processors(*fleet) for fleet in fleets],
            [humanize.soon_between(*range_) for range_ in ranges],
        ]
