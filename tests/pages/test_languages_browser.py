"""Pages in German, in a real browser: what scripts write is in German too, and stays so while the pages live."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.kit.pages import NOTIFICATIONS, assert_numbers_alike, fresh, put_out_of_sight, row, send
from tests.kit.site import PASSWORD, Site

pytestmark = pytest.mark.browser

SOON = r"(jeden Moment|in etwa \d+ s|innerhalb von \d+ s|in \d+ (s )?bis \d+ (s|min))"
MOMENT = re.compile(r"^\d{1,2}\. [A-ZÄÖÜ][a-zäöü]+\.?,? .*\d{1,2}:\d{2}:\d{2}$")


def log_in(site: Site, make: Callable[..., BrowserContext], name: str, **options: object) -> Page:
    """Log a new user in by a German browser, and return the page once it is live."""
    site.user(name)
    page = make(locale="de-DE", **options).new_page()
    page.goto(site.url)
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    return page


def part(within: Page | Locator, name: str) -> Locator:
    """The element that scripts know by this name."""
    return within.locator(f'[data-part="{name}"]')


def submit(page: Page, job_id: str, duration: str) -> None:
    """Submit a job by the form."""
    page.locator("[name=job_id]").fill(job_id)
    page.locator("[name=duration]").fill(duration)
    page.locator("#submit-form [type=submit]").click()


def test_a_job_is_followed_in_german_from_its_submission_to_its_end(
    site: Site, contexts: Callable[..., BrowserContext]
) -> None:
    name = fresh("greta")
    page = log_in(site, contexts, name)
    notices, share = page.get_by_test_id("notice"), page.get_by_test_id("share")
    expect(page).to_have_title("Ihre Warteschlange · Turnabout")
    expect(part(page, "processors")).to_have_text(re.compile(r"^\d Prozessoren, (alle frei|\d beschäftigt)"))
    expect(share).to_have_text(re.compile(r"^Ihr nächster Auftrag erhält (jede Zuteilung|\d von \d Zuteilungen)$"))
    expect(part(page, "notify")).to_have_text("Benachrichtigen")
    submit(page, "lang", "4,5")
    expect(part(page, "form-result")).to_have_text(re.compile("^lang (ist in der Warteschlange|: läuft)"))
    running = row(page, "running", "lang")
    expect(part(running, "spent")).to_have_text(re.compile(r"^[1-4],\d s$"))
    expect(part(running, "declared")).to_have_text("4,5 s")
    expect(part(running, "percent")).to_have_text(re.compile("^\\d+\u00a0%$"))
    expect(part(running, "cancel")).to_have_attribute("aria-label", "lang abbrechen")
    expect(part(running, "bar")).to_have_attribute("aria-label", "Fortschritt von lang")
    send(site, name, [{"job_id": f"kurz-{number}", "duration": 3} for number in range(4)])
    waiting = row(page, "waiting", "kurz-3")
    expect(part(waiting, "starts")).to_have_text(re.compile(f"^{SOON}$"))
    expect(part(waiting, "front")).to_have_attribute("aria-label", "kurz-3 nach vorn stellen")
    expect(share).to_have_text(re.compile(f"^Ihr Anteil zurzeit: .+; nächste Zuteilung {SOON}$"))
    expect(page).to_have_title(re.compile(r"^\d (läuft|laufen) · \d (wartet|warten) · Turnabout$"))
    expect(notices).to_contain_text(re.compile(r"lang ist fertig nach \d,\d s"))
    ended = row(page, "finished", "lang")
    expect(part(ended, "status")).to_have_text("erfolgreich")
    expect(part(ended, "age")).to_have_text(re.compile(r"^(gerade eben|vor \d+ s)$"))
    expect(part(ended, "ended")).to_have_text(MOMENT)
    expect(row(page, "finished", "kurz-3")).to_be_visible()
    expect(share).to_have_text(re.compile("^Ihr nächster Auftrag erhält"))


def test_what_comes_of_an_action_is_said_in_german(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    name = fresh("hanna")
    page = log_in(site, contexts, name)
    notices = page.get_by_test_id("notice")
    send(site, name, [{"job_id": "nie", "duration": 0.1, "task": "fail", "payload": {"how": "refuse"}}])
    expect(notices).to_contain_text("nie ist fehlgeschlagen")
    failed = row(page, "finished", "nie")
    expect(part(failed, "status")).to_have_text("fehlgeschlagen")
    failed.locator("summary").click()
    expect(part(failed, "retry")).to_have_attribute("aria-label", "nie erneut versuchen")
    part(failed, "retry").click()
    expect(notices).to_contain_text("nie wartet wieder an seinem alten Platz.")
    expect(part(failed, "attempts").locator("li")).to_have_count(2)
    expect(part(failed, "attempts").locator("li").last).to_contain_text(re.compile(r"^Versuch 2 · "))
    send(site, name, [{"job_id": f"t-{number:02}", "duration": 0.02} for number in range(12)])
    expect(part(page, "finished-unfold")).to_have_text("Alle 13 anzeigen")
    part(page, "finished-unfold").click()
    expect(part(page, "finished-unfold")).to_have_text("Nur die ersten 10 anzeigen")
    payload = {"seconds": 20}
    send(site, name, [{"job_id": "zäh", "duration": 20, "task": "stubborn", "payload": payload, "time_limit": 30}])
    running = row(page, "running", "zäh")
    running.get_by_test_id("cancel").click()
    part(running, "yes").click()
    expect(notices).to_contain_text("zäh wird abgebrochen. Hier steht dann, wie der Auftrag geendet hat.")
    expect(part(row(page, "finished", "zäh"), "status")).to_have_text("abgebrochen")


def test_what_is_wrong_in_the_form_is_said_in_german(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    page = log_in(site, contexts, fresh("ida"))
    submit(page, "", "bald")
    expect(page.locator("#job-id-error")).to_have_text("Geben Sie dem Auftrag einen eigenen Namen.")
    expect(page.locator("#duration-error")).to_have_text("Geben Sie eine Zahl von Sekunden an, etwa 12,5.")
    page.set_viewport_size({"width": 360, "height": 800})
    part(page, "submit-toggle").click()
    expect(part(page, "submit-toggle")).to_contain_text("Schließen")
    submit(page, "eins", "0,05")
    expect(row(page, "finished", "eins")).to_be_attached()
    submit(page, "eins", "0,05")
    again = "eins wurde schon früher mit demselben Inhalt eingereicht; Status: erfolgreich."
    expect(part(page, "form-result")).to_have_text(again)
    page.route("**/api/v1/jobs/", lambda route: route.abort())
    submit(page, "zwei", "0,05")
    expect(part(page, "form-error")).to_contain_text("Der Server ist nicht erreichbar.")


def test_a_pause_keeps_being_told_in_german(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    """Events have the sentence in English: they go to pages in all languages."""
    name = fresh("jana")
    page = log_in(site, contexts, name)
    site.query("INSERT INTO queueapp_pause (task, reason, since) VALUES ('', 'disks are full', now())")
    try:
        submit(page, "geduldig", "0,1")
        expect(page.get_by_test_id("paused")).to_have_text("Vom Betrieb pausiert: disks are full")
        expect(page.get_by_test_id("share")).to_have_text("Keine Zuteilung während der Pause")
    finally:
        site.query("DELETE FROM queueapp_pause")
    expect(row(page, "finished", "geduldig")).to_be_visible()


def test_the_connection_and_the_browsers_notifications_are_in_german(
    site: Site, contexts: Callable[..., BrowserContext]
) -> None:
    name = fresh("karl")
    page = log_in(site, contexts, name)
    page.evaluate(f"() => {{ {NOTIFICATIONS} }}")
    part(page, "notify").click()
    expect(part(page, "notify")).to_have_text("Benachrichtigungen an")
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    put_out_of_sight(page)
    send(site, name, [{"job_id": f"fern-{number}", "duration": 0.05} for number in range(12)])
    expect(page.locator("body")).to_have_attribute("data-told", "12 Aufträge beendet: 12 erfolgreich")
    expect(page).to_have_title("(12 neu) Ihre Warteschlange · Turnabout")
    put_out_of_sight(page, hidden=False)
    page.context.set_offline(True)
    expect(part(page, "connection")).to_have_text("Verbindung wird wieder aufgebaut")
    page.context.clear_cookies()
    page.context.set_offline(False)
    expect(part(page, "connection")).to_have_text("Sitzung beendet")
    expect(part(page, "ended-text")).to_have_text(re.compile("^Ihre Sitzung ist beendet."))


def test_the_page_of_a_job_and_the_list_show_german_numbers_and_dates(
    site: Site, contexts: Callable[..., BrowserContext]
) -> None:
    name = fresh("lotte")
    page = log_in(site, contexts, name)
    send(site, name, [{"job_id": "lang", "duration": 60}])
    expect(row(page, "running", "lang")).to_be_visible()
    page.goto(f"{site.url}/jobs/lang/")
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
    expect(part(page, "spent")).to_have_text(re.compile(r"^\d+,\d s$"))
    expect(part(page, "percent")).to_have_text(re.compile("^[1-9]\\d*\u00a0%$"))
    expect(page.locator("dd time").first).to_have_text(MOMENT)
    page.context.set_offline(True)
    expect(part(page, "connection")).to_have_text("Verbindung wird wieder aufgebaut")
    page.context.set_offline(False)
    with site.client(name) as client:
        client.delete("jobs/lang/").raise_for_status()
    page.goto(f"{site.url}/jobs/")
    expect(page.locator("main time").first).to_have_text(MOMENT)


def test_server_and_page_say_numbers_alike_in_german(site: Site, contexts: Callable[..., BrowserContext]) -> None:
    assert_numbers_alike(log_in(site, contexts, fresh("olga")), "de")
