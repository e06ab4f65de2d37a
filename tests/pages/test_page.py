"""The page, in a real browser against a real site: live, fair to keyboards, and calm when things go wrong."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from queueapp.pages import humanize
from tests.kit.site import BASE, PASSWORD, Site

pytestmark = pytest.mark.browser
expect.set_options(timeout=15_000)

Login = Callable[..., Page]


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts, each like a browser of its own. No script may fail in them, and no policy be broken."""
    made: list[BrowserContext] = []
    broken: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            broken.append(message.text)

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.on("console", listen)
        context.on("weberror", lambda error: broken.append(str(error.error)))
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()
    assert not broken


@pytest.fixture
def login(site: Site, contexts: Callable[..., BrowserContext]) -> Login:
    """Logs a new user in, in a browser of its own, and returns the page once it is live."""

    def log_in(name: str, *, live: bool = True, **options: Any) -> Page:
        username, password = site.user(name)
        page = contexts(**options).new_page()
        page.goto(site.url)
        page.get_by_label("User name").fill(username)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Log in").click()
        if live:
            expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
        return page

    return log_in


NEXT_TURN = re.compile(r"^Your share now: .+; next turn (any moment|in about \d+ s)$")


def fresh(name: str) -> str:
    """A user name that no other test has."""
    return f"{name}-{uuid.uuid4().hex[:6]}"


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


def run_task(site: Site, name: str, job_id: str, task: str, **payload: Any) -> None:
    """Submit a job of this task as this user."""
    send(site, name, [{"job_id": job_id, "duration": 0.1, "task": task, "payload": payload}])


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
    staff.get_by_label("User name").fill(boss)
    staff.get_by_label("Password").fill(PASSWORD)
    staff.get_by_role("button", name="Log in").click()
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


def test_a_completion_missed_while_offline_shows_up(site: Site, login: Login) -> None:
    name = fresh("grace")
    page = login(name)
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")
    send(site, name, [{"job_id": "meanwhile", "duration": 0.1}])
    wait_for_ended(site, name, 1)
    expect(page.get_by_text("The connection is lost.")).to_be_visible()
    expect(row(page, "finished", "meanwhile")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    expect(row(page, "finished", "meanwhile")).to_have_count(1)
    expect(page.get_by_test_id("notice")).to_contain_text("meanwhile is done")


def test_a_network_that_answers_once_more_before_it_is_gone_is_noticed(login: Login) -> None:
    page = login(fresh("last-gasp"))
    page.evaluate("() => Object.defineProperty(navigator, 'onLine', { value: false, configurable: true })")
    with page.expect_response("**/queue/"):
        page.evaluate("() => dispatchEvent(new Event('offline'))")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    page.route("**/*", lambda route: route.abort())  # the open stream stays as it is, silent
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")


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


def test_all_tabs_of_a_browser_share_one_stream(site: Site, login: Login) -> None:
    """A browser opens six connections to a host: with a stream each, the seventh tab would wait for ever."""
    first = login(fresh("tabs"))
    opened: list[str] = []
    first.context.on("request", lambda request: opened.append(request.url) if "/events/" in request.url else None)
    others = [first.context.new_page() for _ in range(8)]
    for page in others:
        page.goto(site.url)
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    assert opened == []
    submit(others[7], "for-all", "0.3")
    for page in (first, *others):
        expect(row(page, "finished", "for-all")).to_be_visible()
    first.close()  # its stream ends; another tab opens one, and misses nothing
    submit(others[0], "later", "0.3")
    for page in others:
        expect(row(page, "finished", "later")).to_be_visible()
    assert len(opened) == 1
    others[0].evaluate("() => document.querySelector('form[action*=logout]').requestSubmit()")
    for page in others[1:]:
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "ended")


def test_a_tab_whose_leader_is_stuck_goes_on_by_itself(site: Site, login: Login) -> None:
    first = login(fresh("stuck"))
    second = first.context.new_page()
    second.goto(site.url)
    expect(second.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    first.evaluate("() => { setTimeout(() => { for (const end = Date.now() + 20000; Date.now() < end; ); }) }")
    submit(second, "beside", "0.3")
    expect(row(second, "finished", "beside")).to_be_visible(timeout=19_000)


def test_an_ended_session_says_so(login: Login) -> None:
    page = login(fresh("heidi"))
    page.context.clear_cookies()
    page.context.set_offline(True)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "reconnecting")
    page.context.set_offline(False)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "ended")
    page.get_by_role("link", name="Log in again").click()
    expect(page).to_have_url(re.compile(r"/login/\?next=/$"))


def test_many_completions_make_one_notice(site: Site, login: Login) -> None:
    name = fresh("ivan")
    page = login(name)
    send(site, name, [{"job_id": f"tiny-{number:02}", "duration": 0.02} for number in range(40)])
    expect(page.get_by_test_id("finished").locator(".job")).to_have_count(40)
    expect(page.get_by_test_id("notice")).to_contain_text("40 jobs done")
    expect(page.get_by_test_id("notice").locator(".notice")).to_have_count(1)
    expect(page.get_by_test_id("finished").locator(".job:visible")).to_have_count(10)
    page.get_by_role("button", name="Show all 40").click()
    expect(page.get_by_test_id("finished").locator(".job:visible")).to_have_count(40)


NOTIFICATIONS = """
    window.Notification = class {
        static get permission() { return localStorage.getItem("allowed") ?? "default"; }
        static async requestPermission() { localStorage.setItem("allowed", "granted"); }
        constructor(title, { body }) { document.body.dataset.told = `${title}: ${body}`; }
    };
"""


def put_out_of_sight(page: Page, *, hidden: bool = True) -> None:
    """Have the page believe that another tab is in front of it, or that it is in front again."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_page_out_of_sight_tells_by_the_browser_and_by_its_tab(site: Site, login: Login) -> None:
    name = fresh("peggy")
    page = login(name)
    page.evaluate(f"() => {{ {NOTIFICATIONS} }}")
    icon = page.locator('link[rel="icon"]')
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="Notifications on")).to_be_visible()
    send(site, name, [{"job_id": "in-sight", "duration": 0.05}])
    expect(page.get_by_test_id("notice")).to_contain_text("in-sight is done")
    put_out_of_sight(page)
    send(site, name, [{"job_id": f"out-of-sight-{number}", "duration": 0.05} for number in range(12)])
    expect(page.locator("body")).to_have_attribute("data-told", "12 jobs done: 12 succeeded")
    expect(page).to_have_title("(12 new) Your queue · Turnabout")
    expect(icon).to_have_attribute("href", re.compile("favicon-new"))
    put_out_of_sight(page, hidden=False)
    expect(page).to_have_title("Your queue · Turnabout")
    expect(icon).to_have_attribute("href", re.compile("favicon.svg"))


def test_the_browser_tells_of_failures_only_if_that_is_chosen(site: Site, login: Login) -> None:
    name = fresh("pat")
    page = login(name)
    page.context.add_init_script(NOTIFICATIONS)
    page.goto(f"{site.url}/notices/")
    choice = page.get_by_role("region", name="This browser")
    expect(choice).to_contain_text("off")
    page.get_by_label("Notify me of jobs that end").select_option("only if they failed")
    choice.get_by_role("button", name="Save").click()
    expect(choice).to_contain_text("on, failures only")
    page.goto(site.url)
    expect(page.get_by_role("button", name="Notifications of failures on")).to_be_visible()
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    put_out_of_sight(page)
    lost = {"job_id": "lost", "duration": 0.05, "task": "checksum", "payload": {"path": "nowhere"}}
    send(site, name, [{"job_id": "well", "duration": 0.05}, lost])
    expect(page.locator("body")).to_have_attribute("data-told", re.compile("^lost failed: "))
    expect(page).to_have_title("(2 new, 1 failed) Your queue · Turnabout")
    expect(page.locator('link[rel="icon"]')).to_have_attribute("href", re.compile("favicon-failed"))


def test_what_ended_between_two_visits_is_marked(site: Site, login: Login) -> None:
    name = fresh("quinn")
    page = login(name)
    submit(page, "before", "0.05")
    expect(row(page, "finished", "before")).to_be_visible()
    page.goto(f"{site.url}/api/v1/queue/")
    send(site, name, [{"job_id": "between", "duration": 0.05}])
    wait_for_ended(site, name, 2)
    page.goto(site.url)
    expect(page.get_by_test_id("notice")).to_contain_text("1 job ended since you were here last.")
    expect(row(page, "finished", "between")).to_have_class(re.compile("is-unseen"))
    expect(row(page, "finished", "before")).not_to_have_class(re.compile("is-unseen"))


def test_nothing_sticks_out_on_any_screen(site: Site, login: Login) -> None:
    name = fresh("rupert")
    page = login(name)
    for kind in ("ended", "now"):
        jobs = [{"job_id": f"{kind}-{number}-".ljust(200, "x"), "duration": 0.05} for number in range(3)]
        send(site, name, jobs if kind == "ended" else [job | {"duration": 3} for job in jobs])
    expect(page.get_by_test_id("finished").locator(".job")).to_have_count(3)
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        for direction in ("ltr", "rtl"):
            page.evaluate("direction => (document.documentElement.dir = direction)", direction)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 360, "height": 800})
    expect(page.get_by_test_id("submit-form")).not_to_be_visible()
    page.get_by_role("button", name="Open the form").click()
    submit(page, "by-thumb", "0.05")
    expect(page.get_by_test_id("submit-form")).to_contain_text("by-thumb is in the queue")


def test_what_a_user_wrote_is_shown_as_text(login: Login) -> None:
    page = login(fresh("judy"))
    page.get_by_label("Task").select_option("checksum")
    page.get_by_label("Payload, as JSON").fill('{"path": "<img src=x onerror=document.title=0>"}')
    submit(page, "markup", "0.05")
    markup = row(page, "finished", "markup")
    expect(markup).to_have_attribute("data-status", "failed")
    markup.locator("summary").click()
    expect(markup.locator('[data-part="error"]')).to_contain_text("<img src=x")
    expect(page.get_by_test_id("finished").locator("img")).to_have_count(0)


def test_without_scripts_the_queue_is_there(site: Site, login: Login) -> None:
    name = fresh("kim")
    page = login(name, live=False, java_script_enabled=False)
    expect(page.locator("noscript .banner")).to_be_visible()
    send(site, name, [{"job_id": f"still-{number}", "duration": 2} for number in range(4)])
    page.reload()
    expect(row(page, "waiting", "still-3")).to_contain_text("wait · 2 s")
    expect(page.get_by_test_id("share")).to_have_text(NEXT_TURN)
    expect(page.get_by_test_id("submit-form")).not_to_be_visible()


def test_a_wrong_password_is_said_kindly(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    name, _ = site.user(fresh("leo"))
    page = contexts().new_page()
    page.goto(f"{site.url}/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill("not this")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("User name")).to_have_value(name)
    expect(page.get_by_label("Password")).to_be_focused()


def test_who_is_not_logged_in_is_asked_to(site: Site, login: Login, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.goto(site.url)
    expect(page).to_have_url(f"{site.url}/login/?next=/")
    page = login(fresh("mia"))
    page.get_by_role("button", name="Logged in as").click()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/login/"))
    page.goto(site.url)
    expect(page).to_have_url(f"{site.url}/login/?next=/")


def test_an_unknown_address_leads_back(site: Site, login: Login) -> None:
    page = login(fresh("nina"))
    page.goto(f"{site.url}/no-such-page/")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.get_by_role("link", name="Go to your queue").click()
    expect(page.get_by_role("heading", name="Your queue")).to_be_visible()


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


def test_server_and_page_say_numbers_alike(login: Login) -> None:
    assert_numbers_alike(login(fresh("olga")), "en")


def test_a_range_of_starts_is_said_in_few_words(login: Login) -> None:
    page = login(fresh("olga"))
    given = [(0.2, 0.8), (0.2, 7), (3, 3.2), (3, 9), (20, 50), (40, 130), (70, 200), (3000, 90_000), (-5, 12)]
    said = page.evaluate(
        """async (given) => {
            const { formatRangeUntil } = await import("/static/queueapp/format.js");
            return given.map(([earliest, latest]) => formatRangeUntil(earliest, latest));
        }""",
        given,
    )
    assert said == [
        "any moment", "within 7 s", "in about 3 s", "in 3 to 9 s", "in 20 to 50 s", "in 40 s to 2 min", "in 1 to 3 min",
        "in 50 min to 1 day", "within 12 s",
    ]  # fmt: skip


_ENDED = [
    {"job_id": "render-9", "duration": 0.31},
    {"job_id": "mail-merge", "duration": 0.4},
    {"job_id": "archive-check", "duration": 0.1, "task": "checksum", "payload": {"path": "archive/2025.tar"}},
    {"job_id": "render-11", "duration": 0.32},
    {"job_id": "greeting-check", "duration": 0.1, "task": "checksum", "payload": {"path": "hello.txt"}},
    {"job_id": "render-12", "duration": 0.3},
]
_NOW = [{"job_id": "render-13", "duration": 8}, {"job_id": "preview-13", "duration": 2}]
_NEXT = [
    {"job_id": job_id, "duration": duration}
    for job_id, duration in [
        ("render-14", 6), ("weekly-report", 4), ("thumbnails", 2.5), ("render-15", 12.5), ("render-16", 12.5)
    ]
]  # fmt: skip


def look_back_on_a_morning(site: Site, name: str) -> None:
    """Jobs of this user that ended, well or not, as if over the last hours and not within a second."""
    send(site, name, _ENDED)
    wait_for_ended(site, name, len(_ENDED))
    site.query(
        "WITH ended AS (SELECT job_id, row_number() OVER (ORDER BY number DESC) AS back FROM queueapp_outcome o"
        "  JOIN queueapp_owner w ON w.id = owner_id"
        " JOIN accounts_user u ON u.id = w.user_id WHERE username = %s),"
        " longer AS (UPDATE queueapp_job j SET duration = duration * 40 FROM ended WHERE ended.job_id = j.id)"
        " UPDATE queueapp_outcome o SET time_spent = time_spent * 40,"
        "  finished_at = finished_at - interval '3 min' * back * back,"
        "  started_at = started_at - interval '3 min' * back * back - interval '1 s' * time_spent * 40"
        "  FROM ended WHERE ended.job_id = o.job_id",
        name,
    )


@pytest.fixture
def tidy(site: Site) -> Iterator[list[str]]:
    """Names of users whose waiting jobs are cancelled after the test: other tests should not have to wait for them."""
    names: list[str] = []
    yield names
    for name in names:
        with site.client(name) as client:
            for job in client.get("queue/").json()["waiting"]:
                client.delete(f"jobs/{job['job_id']}/")


@pytest.mark.parametrize(("scheme", "file"), [("light", "screenshot.png"), ("dark", "screenshot-dark.png")])
@pytest.mark.slow
def test_screenshot_for_the_docs(
    site: Site, login: Login, tidy: list[str], tmp_path: Path, scheme: str, file: str
) -> None:
    """Written to docs/ where it is missing there, or where SCREENSHOTS is set to have it made anew."""
    name, others = "mira" if scheme == "light" else "noor", [fresh("tom"), fresh("uma")]
    for other in others:
        site.user(other)
    tidy += [name, *others]
    page = login(name, color_scheme=scheme, locale="en-GB", timezone_id="UTC")
    look_back_on_a_morning(site, name)
    page.reload()
    send(site, name, _NOW)
    expect(page.get_by_test_id("running").locator(".job")).to_have_count(len(_NOW))
    for other in others:
        send(site, other, [{"job_id": f"sweep-{number}", "duration": 6} for number in range(3)])
    send(site, name, _NEXT)
    expect(page.get_by_test_id("notice")).to_contain_text("preview-13 is done")
    expect(row(page, "running", "render-13").locator('[data-part="percent"]')).to_have_text(re.compile(r"^[2-6]\d%$"))
    expect(page.get_by_test_id("waiting").locator(".job")).to_have_count(len(_NEXT))
    expect(page.get_by_test_id("share")).to_have_text(re.compile(r"^Your share now: 1 of 3 turns; next turn "))
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    wanted = BASE / "docs" / file
    path = wanted if "SCREENSHOTS" in os.environ or not wanted.exists() else tmp_path / file
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size > 20_000


def test_what_is_large_is_read_when_its_row_is_opened(site: Site, login: Login) -> None:
    name = fresh("lara")
    page = login(name)
    payload = {"text": "large and whole ", "times": 200}
    with site.client(name) as client:
        client.post("jobs/", json={"job_id": "big", "duration": 0.1, "task": "returns", "payload": payload})
        padded = {"job_id": "padded", "duration": 0.1, "task": "returns", "payload": {"text": "word " * 500}}
        client.post("jobs/", json=padded)
    for reload in (False, True):  # told by the stream, and rendered by the server
        if reload:
            page.reload()
        big = row(page, "finished", "big")
        expect(big).to_be_visible()
        assert "whole large and" not in page.content()
        big.locator("summary").click()
        expect(big.locator('[data-part="result"]')).to_contain_text("large and whole " * 200)
        expect(big.get_by_text("The whole job, as JSON")).to_be_hidden()
    padded_row = row(page, "finished", "padded")
    padded_row.locator("summary").click()
    padded_row.get_by_role("button", name="Use again").click()
    expect(page.get_by_label("Payload, as JSON")).to_have_value(re.compile("(word ){500}"))


def test_without_scripts_what_is_large_has_a_link(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    username, password = site.user(fresh("liam"))
    with site.client(username) as client:
        payload = {"text": "large and whole ", "times": 200}
        client.post("jobs/", json={"job_id": "big", "duration": 0.1, "task": "returns", "payload": payload})
        site.until(lambda: client.get("jobs/big/").json()["status"] == "succeeded", "it has ended")
    page = contexts(java_script_enabled=False).new_page()
    page.goto(site.url)
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    row(page, "finished", "big").locator("summary").click()
    page.get_by_role("link", name="The whole job, as JSON").click()
    assert "large and whole " * 200 in page.content()


def test_a_waiting_job_says_why_it_waits(site: Site, login: Login) -> None:
    name = fresh("nora")
    page = login(name)
    with site.client(name) as client:
        ask = {"job_id": "later", "duration": 1, "run_at": "2099-01-01T00:00:00Z"}
        assert client.post("jobs/", json=ask).status_code == 201
    why = "Waits for a processor that has its task."
    job = "(SELECT id FROM queueapp_job WHERE name = 'later' AND owner_id IN"
    site.query(f"UPDATE queueapp_waiting SET note = %s WHERE job_id = {job}"
               " (SELECT w.id FROM queueapp_owner w JOIN accounts_user u ON u.id = w.user_id"
               "  WHERE username = %s))", why, name)  # fmt: skip
    expect(row(page, "waiting", "later")).to_contain_text(why)
    page.reload()
    expect(row(page, "waiting", "later")).to_contain_text(why)
    with site.client(name) as client:
        client.delete("jobs/later/")


def test_a_job_with_a_moment_says_it(site: Site, login: Login) -> None:
    """With scripts and without: the first render says it in UTC, the page then in the reader's time."""
    name = fresh("mona")
    page = login(name)
    send(site, name, [{"job_id": "later", "duration": 1, "run_at": "2101-02-03T12:30:00Z"}])
    due = row(page, "waiting", "later").locator('[data-part="due"]')
    expect(due).to_have_text(re.compile(r"^not before .*2101.*:30:00"))
    page.route("**/*.js", lambda route: route.abort())
    page.reload()
    expect(due).to_have_text("not before 3 Feb 2101, 12:30:00 UTC")
