"""The page, in a real browser against a real site: live, fair to keyboards, and calm when things go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.kit.pages import NEXT_TURN, Login, fill_log_in, fresh, row, run_task, send, submit, tab_to
from tests.kit.site import PASSWORD, Site

pytestmark = pytest.mark.browser


def watch(page: Page) -> Callable[[], list[dict[str, Any]]]:
    """Have the page note every job and percentage that Running shows from now on; what it noted so far."""
    page.evaluate(
        """() => {
            window.noted = [];
            const running = document.querySelector('[data-testid="running"]');
            const note = () => running.querySelectorAll(".job").forEach((row) => window.noted.push({
                job: row.dataset.jobId,
                percent: parseInt(row.querySelector('[data-part="percent"]').textContent),
                spent: parseFloat(row.querySelector('[data-part="spent"]').textContent),
            }));
            new MutationObserver(note).observe(running, { subtree: true, childList: true, characterData: true });
        }"""
    )
    return lambda: page.evaluate("window.noted")


def test_two_users_at_once_each_see_their_own(login: Login) -> None:
    alice, bob = login(fresh("alice")), login(fresh("bob"))
    expect(alice.get_by_role("heading", name="Nothing submitted yet")).to_be_visible()
    noted = {"of-alice": watch(alice), "of-bob": watch(bob)}
    submit(alice, "of-alice", "2")
    submit(bob, "of-bob", "3")
    expect(alice.get_by_test_id("notice")).to_contain_text("of-alice is done")
    expect(bob.get_by_test_id("notice")).to_contain_text("of-bob is done")
    expect(row(alice, "finished", "of-alice")).to_have_attribute("data-status", "succeeded")
    for page, own, other in ((alice, "of-alice", "of-bob"), (bob, "of-bob", "of-alice")):
        expect(page.locator(f'[data-job-id="{other}"]')).to_have_count(0)
        expect(page.get_by_test_id("notice")).not_to_contain_text(other)
        notes = noted[own]()
        assert {note["job"] for note in notes} == {own}
        percents = [note["percent"] for note in notes]
        assert percents == sorted(percents)
        assert len(set(percents)) >= 4
        # It ticks between the events, of which there are two a second.
        assert len({note["spent"] for note in notes}) >= 12
    expect(alice.get_by_test_id("share")).to_have_text(re.compile("^Your next job gets"))


def test_the_form_says_what_came_of_it_and_suggests_the_next_name(login: Login) -> None:
    page = login(fresh("carol"))
    expect(page.get_by_label("Job id")).to_have_value(re.compile(r"^job-\w{6}$"))
    submit(page, "scan-009", "0.05")
    expect(page.get_by_test_id("submit-form")).to_contain_text("scan-009 is")
    expect(page.get_by_label("Job id")).to_have_value("scan-010")
    expect(page.get_by_role("button", name="Submit job")).to_be_focused()


def test_errors_are_shown_at_their_fields(login: Login) -> None:
    page = login(fresh("dave"))
    duration = page.get_by_label("Duration in seconds")
    submit(page, "wrong", "0")
    expect(page.locator("#duration-error")).to_have_text("must be at least 0.000001 seconds")
    expect(duration).to_be_focused()
    expect(duration).to_have_attribute("aria-invalid", "true")
    duration.fill("a while")
    expect(page.locator("#duration-error")).to_have_text("")
    page.get_by_role("button", name="Submit job").click()
    expect(page.locator("#duration-error")).to_have_text("Give a number of seconds, such as 12.5.")
    duration.fill("1")
    page.get_by_label("Task").select_option("checksum")
    page.get_by_role("button", name="Submit job").click()
    expect(page.locator("#payload-error")).to_have_text("Field required (path)")
    expect(page.get_by_label("Payload, as JSON")).to_be_focused()
    expect(page.get_by_test_id("running").locator(".job")).to_have_count(0)


def test_a_name_that_is_taken_is_an_error_at_the_name(login: Login) -> None:
    page = login(fresh("erin"))
    submit(page, "mine", "0.05")
    expect(row(page, "finished", "mine")).to_be_visible()
    submit(page, "mine", "0.06")
    expect(page.locator("#job-id-error")).to_contain_text("taken by a job with other content")
    expect(page.get_by_label("Job id")).to_be_focused()


def test_a_waiting_job_is_cancelled_by_keyboard_alone(site: Site, login: Login) -> None:
    name = fresh("frank")
    page = login(name)
    jobs = [{"job_id": f"busy-{number}", "duration": 600} for number in range(4)]
    send(site, name, [*jobs, {"job_id": "later", "duration": 1}])
    later = row(page, "waiting", "later")
    expect(later).to_be_visible()
    tab_to(page, later.get_by_test_id("cancel"))
    page.keyboard.press("Enter")
    expect(later.get_by_role("button", name="No")).to_be_focused()
    page.keyboard.press("Escape")
    expect(later.get_by_test_id("cancel")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(later.get_by_role("button", name="Yes")).to_be_focused()
    page.keyboard.press("Enter")
    expect(later).to_have_count(0)
    expect(row(page, "finished", "later")).to_have_attribute("data-status", "cancelled")
    expect(row(page, "waiting", "busy-3").get_by_test_id("cancel")).to_be_focused()
    expect(page.get_by_test_id("notice")).not_to_contain_text("later")
    for number in (2, 3):
        row(page, "waiting", f"busy-{number}").get_by_test_id("cancel").click()
        page.get_by_role("button", name="Yes").click()
        expect(row(page, "finished", f"busy-{number}")).to_be_visible()
    expect(page.locator("#waiting-title")).to_be_focused()
    with site.client(name) as client:
        client.post("jobs/cancel/", json={"all": True}).raise_for_status()


def test_a_waiting_job_is_moved_and_the_page_follows(site: Site, login: Login) -> None:
    name = fresh("mona")
    page = login(name)
    busy = [{"job_id": f"busy-{number}", "duration": 600} for number in range(2)]
    send(site, name, [*busy, *({"job_id": f"w-{number}", "duration": 1} for number in range(3))])
    order = page.get_by_test_id("waiting").locator("[data-part=id]")
    expect(order).to_have_text(["w-0", "w-1", "w-2"])
    row(page, "waiting", "w-2").get_by_role("button", name="Move w-2 to the front").press("Enter")
    expect(order).to_have_text(["w-2", "w-0", "w-1"])
    row(page, "waiting", "w-0").get_by_test_id("back").click()
    expect(order).to_have_text(["w-2", "w-1", "w-0"])
    expect(row(page, "waiting", "w-0").locator("[data-part=position]")).to_have_text("3")
    page.goto(f"{site.url}/jobs/w-0/")
    page.get_by_role("button", name="Move to the front").click()
    expect(page.get_by_text("position 1", exact=True)).to_be_visible()
    with site.client(name) as client:
        client.post("jobs/cancel/", json={"all": True}).raise_for_status()


def test_a_running_job_is_cancelled_by_keyboard_and_says_that_it_is_stopping(site: Site, login: Login) -> None:
    name = fresh("nina")
    page = login(name)
    payload = {"seconds": 20}
    send(site, name, [{"job_id": "long", "duration": 20, "task": "stubborn", "payload": payload, "time_limit": 30}])
    running = row(page, "running", "long")
    tab_to(page, running.get_by_test_id("cancel"))
    page.keyboard.press("Enter")
    expect(running.get_by_role("button", name="No")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(running.get_by_text("stopping")).to_be_focused()
    # It stops within a second. What the server renders meanwhile says so, too: its chip is not hidden.
    assert 'data-part="stopping" tabindex="-1">stopping' in page.request.get(site.url).text()
    expect(running.get_by_test_id("cancel")).to_be_hidden()
    expect(page.get_by_test_id("notice")).to_contain_text("long was asked to stop.")
    expect(row(page, "finished", "long")).to_be_visible()
    expect(running).to_have_count(0)


def test_a_failed_job_is_tried_again_and_tells_of_each_attempt(site: Site, login: Login) -> None:
    name = fresh("olga")
    page = login(name)
    run_task(site, name, "refused", "fail", how="refuse")
    refused = row(page, "finished", "refused")
    refused.locator("summary").click()
    expect(refused.locator('[data-part="attempts"]')).to_be_hidden()
    for visit in range(2):
        refused.get_by_role("button", name="Try refused again").click()
        expect(page.get_by_test_id("notice")).to_contain_text("refused waits again")
        expect(refused).to_have_attribute("data-status", "failed")
        refused.locator("summary").click()
        expect(refused.locator('[data-part="attempts"] li')).to_have_count(visit + 2)
        expect(refused.locator('[data-part="attempts"] li').last).to_contain_text(f"Attempt {visit + 2} ·")
        expect(refused.locator('[data-part="attempts"] pre').first).to_contain_text("Not today.")
        page.reload()
        refused.locator("summary").click()
        expect(refused.locator('[data-part="attempts"] li')).to_have_count(visit + 2)


@pytest.mark.slow
def test_a_job_that_is_tried_again_elsewhere_goes_back_to_the_lists(site: Site, login: Login) -> None:
    name = fresh("pia")
    page = login(name)
    with site.client(name) as client:
        client.post("jobs/", json={"job_id": "slow", "duration": 60}).raise_for_status()
        expect(row(page, "running", "slow")).to_be_visible()
        client.delete("jobs/slow/").raise_for_status()
        expect(row(page, "finished", "slow")).to_have_attribute("data-status", "cancelled")
        client.post("jobs/slow/retry/").raise_for_status()
        expect(row(page, "running", "slow")).to_be_visible()
        expect(row(page, "finished", "slow")).to_have_count(0)
        client.delete("jobs/slow/").raise_for_status()
    expect(row(page, "finished", "slow")).to_have_attribute("data-status", "cancelled")


def test_a_pause_by_staff_is_said_on_the_page_and_holds_until_they_resume(
    site: Site, contexts: Callable[..., BrowserContext], login: Login
) -> None:
    boss, name = fresh("boss"), fresh("rosa")
    page, staff = login(name), contexts().new_page()
    site.user(boss, staff=True)
    staff.goto(f"{site.url}/login/?next=/admin/queueapp/pause/add/")
    fill_log_in(staff, boss, PASSWORD)
    try:
        staff.get_by_label("Reason").fill("maintenance until noon")
        staff.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_test_id("paused")).to_have_text("Paused by staff: maintenance until noon")
        submit(page, "patient", "0.1")
        expect(row(page, "waiting", "patient")).to_be_visible()
        staff.get_by_role("link", name="everything").click()
        staff.get_by_role("link", name="Delete").click()
        staff.get_by_role("button", name="Yes,").click()
        expect(row(page, "finished", "patient")).to_be_visible()
        expect(page.get_by_test_id("paused")).to_be_hidden()
    finally:
        site.query("DELETE FROM queueapp_pause")


def test_the_share_says_when_the_next_turn_comes(site: Site, login: Login, tidy: list[str]) -> None:
    name = fresh("gita")
    tidy.append(name)
    page = login(name)
    share, bar = page.get_by_test_id("share"), page.locator('[data-part="share-bar"]')
    expect(share).to_have_text(re.compile("^Your next job gets [^;]+$"))
    send(site, name, [{"job_id": f"turn-{number}", "duration": 6} for number in range(3)])
    expect(share).to_have_text(NEXT_TURN)
    at_first = share.inner_text()
    expect(share).not_to_have_text(at_first)
    expect(share).to_have_text(NEXT_TURN)
    assert 0 < float((bar.get_attribute("width") or "").rstrip("%")) <= 100
    row(page, "waiting", "turn-2").get_by_test_id("cancel").click()
    page.get_by_role("button", name="Yes").click()
    expect(share).to_have_text(re.compile("^Your share now: [^;]+$"))


def test_a_long_queue_is_read_whole_when_it_is_unfolded(site: Site, login: Login) -> None:
    """The stream sends the first jobs only."""
    name = fresh("long")
    page = login(name)
    with site.client(name) as client:
        send(site, name, [{"job_id": f"held-{n}", "duration": 900} for n in range(45)])
        rows = page.get_by_test_id("waiting").locator(".job")
        expect(page.get_by_role("button", name="Show all 4")).to_be_visible()
        page.get_by_role("button", name="Show all 4").click()
        expect(rows.last).to_have_attribute("data-job-id", "held-44")
        expect(rows.last).to_be_visible()
        client.delete("jobs/held-44/").raise_for_status()  # the last one: the stream does not send it
        expect(rows.last).to_have_attribute("data-job-id", "held-43")
        page.get_by_role("button", name="Show the first 10 only").click()
        expect(rows.last).to_be_hidden()
        for n in range(44):
            client.delete(f"jobs/held-{n}/").raise_for_status()
