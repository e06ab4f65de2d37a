/** Texts, numbers and moments of a page in German, with a few texts as Django's catalog gives them. */

import assert from "node:assert/strict";
import { test } from "node:test";

const TEXTS = {
  "in about %(amount)s": "in etwa %(amount)s",
  "within %(amount)s": "innerhalb von %(amount)s",
  "in %(first)s to %(last)s": "in %(first)s bis %(last)s",
  "%(number)s day": ["%(number)s Tag", "%(number)s Tagen"],
  "%(number)s day ago": ["vor %(number)s Tag", "vor %(number)s Tagen"],
  "%(part)s of %(whole)s turns": "%(part)s von %(whole)s Zuteilungen",
  "%(percent)s of the turns": "%(percent)s der Zuteilungen",
  "Your share now: %(turns)s": "Ihr Anteil zurzeit: %(turns)s",
  ", by weight %(weight)s": ", nach Gewicht %(weight)s",
  "; next turn %(soon)s": "; nächste Zuteilung %(soon)s",
  "%(number)s processor": ["%(number)s Prozessor", "%(number)s Prozessoren"],
  ", %(number)s busy": ", %(number)s beschäftigt",
  ", free": [", frei", ", alle frei"],
  "; %(number)s more is starting": ["; %(number)s weiterer startet", "; %(number)s weitere starten"],
  "%(number)s running": ["%(number)s läuft", "%(number)s laufen"],
  "%(number)s new": ["%(number)s neu", "%(number)s neu"],
  "Your queue": "Ihre Warteschlange",
  "Paused by staff: %(reason)s": "Vom Betrieb pausiert: %(reason)s",
  "Jobs of the task %(task)s are paused by staff: %(reason)s": "Aufträge der Aufgabe %(task)s ruhen: %(reason)s",
};

// Before the modules are loaded: base.html has the catalog's script above theirs.
globalThis.document = { documentElement: { lang: "de" } };
globalThis.django = {
  gettext: (text) => TEXTS[text] ?? text,
  ngettext: (one, many, number) => TEXTS[one]?.[number === 1 ? 0 : 1] ?? (number === 1 ? one : many),
};

const { filled, gettext, locale, ngettext } = await import("../../queueapp/static/queueapp/i18n.js");
const format = await import("../../queueapp/static/queueapp/format.js");
const { titleOf } = await import("../../queueapp/static/queueapp/tab.js");
const { noteText, pauseText } = await import("../../queueapp/static/queueapp/translated.js");

test("a text that the catalog does not have stays in English", () => {
  assert.equal(gettext("Your queue"), "Ihre Warteschlange");
  assert.equal(gettext("No such text"), "No such text");
  assert.equal(ngettext("%(number)s bird", "%(number)s birds", 2), "%(number)s birds");
});

test("a value that looks like a placeholder is shown as it is", () => {
  assert.equal(filled("%(name)s, %(flow)s", { name: "%(flow)s", flow: "$&" }), "%(flow)s, $&");
});

test("numbers have a decimal comma, and points between thousands", () => {
  assert.equal(format.formatNumber(1234567), "1.234.567");
  assert.equal(format.formatWaitingCount(20_000), "10.000+");
  assert.equal(format.formatPercent(42), "42\u00a0%");
  assert.deepEqual([0.04, 7.5, 8, 59.94].map(format.formatDuration), ["40 ms", "7,5 s", "8 s", "59,9 s"]);
  assert.deepEqual([0, 7.96, 245].map(format.formatElapsed), ["0,0 s", "7,9 s", "4 min 5 s"]);
});

test("days have a form for one and a form for many", () => {
  assert.equal(format.formatTimeUntil(86_400), "in etwa 1 Tag");
  assert.equal(format.formatTimeUntil(2 * 86_400), "in etwa 2 Tagen");
  const ago = (days) => format.formatTimeAgo(new Date(0), days * 86_400_000);
  assert.deepEqual([ago(1), ago(3)], ["vor 1 Tag", "vor 3 Tagen"]);
});

test("a range names its unit once if both ends have the same", () => {
  assert.equal(format.formatRangeUntil(20, 50), "in 20 bis 50 s");
  assert.equal(format.formatRangeUntil(50, 130), "in 50 s bis 2 min");
  assert.equal(format.formatRangeUntil(50, 2 * 86_400), "in 50 s bis 2 Tagen");
  assert.equal(format.formatRangeUntil(86_400, 2 * 86_400), "in 1 bis 2 Tagen");
  assert.equal(format.formatRangeUntil(0, 7), "innerhalb von 7 s");
  assert.equal(format.formatRangeUntil(11, 11), "in etwa 12 s");
});

test("the share is a German sentence, with German numbers", () => {
  const share = { owed: 0.0123, flows: 9, weight: 1234.5, flow: "ada", cap: null };
  const said = format.shareSentence(share, "ada", true, 12.3);
  assert.equal(
    said,
    "Ihr Anteil zurzeit: 1,2\u00a0% der Zuteilungen, nach Gewicht 1234,5; nächste Zuteilung in etwa 12 s",
  );
  assert.equal(format.formatTurns(0.25, 4), "1 von 4 Zuteilungen");
});

test("processors are counted in German", () => {
  assert.equal(format.processorsSentence(1, 0, 0, 1), "1 Prozessor, frei; 1 weiterer startet");
  assert.equal(format.processorsSentence(1200, 0, 0, 2), "1.200 Prozessoren, alle frei; 2 weitere starten");
  assert.equal(format.processorsSentence(3, 2, 0, 0), "3 Prozessoren, 2 beschäftigt");
});

test("the tab's title is in German", () => {
  assert.equal(titleOf({ ended: 1200, failed: 0 }, 1, 0), "(1.200 neu) 1 läuft · Turnabout");
  assert.equal(titleOf({ ended: 0, failed: 0 }, 2, 0), "2 laufen · Turnabout");
  assert.equal(titleOf({ ended: 0, failed: 0 }, 0, 0), "Ihre Warteschlange · Turnabout");
});

test("a moment is written as people of the page's language write it, whatever the browser's", () => {
  assert.match(locale, /^de\b/);
  assert.equal(format.formatClock(new Date(2025, 1, 3, 14, 5, 9)), "14:05:09");
  assert.match(format.formatDateTime(new Date(2001, 4, 3, 14, 5, 9)), /^3\. Mai 2001, 14:05:09$/);
});

test("what staff have paused is said in German, with their reason as they wrote it", () => {
  assert.equal(pauseText("Paused by staff: Paused by staff: $&"), "Vom Betrieb pausiert: Paused by staff: $&");
  assert.equal(
    pauseText("Jobs of the task a.b are paused by staff: disks; d; Jobs of the task c are paused by staff: tapes"),
    "Aufträge der Aufgabe a.b ruhen: disks; d; Aufträge der Aufgabe c ruhen: tapes",
  );
  assert.equal(noteText("Paused by staff: "), "Paused by staff: ");
});
