"""Shares: what flows were owed and what they got, by hand, from the database, and on the page for staff."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from queueapp import svg
from queueapp.admin.flows.presenter import part, shown
from queueapp.errors import SpanTooLarge
from queueapp.models import Attempt, Flow, Job, Outcome, Owner, Processor, Waiting
from queueapp.policy.shares import Work, divide, evenness, owed, quantile
from queueapp.snapshots import shares as module
from queueapp.snapshots.shares import FlowShare, Shares, shares
from queueapp.snapshots.slices import slices
from tests.kit.queue import make_flow, make_user
from tests.kit.totals import count_all, next_number

PLENTY = (1e9, 1e9, 1e9)

# The arithmetic


def work(
    got: Sequence[float],
    active: Sequence[float],
    *,
    weight: float = 1.0,
    cap: int | None = None,
    present: Sequence[float] = PLENTY,
    asked: Sequence[float] = PLENTY,
) -> Work:
    return Work(weight, cap, got, active, present[: len(got)], asked[: len(got)])


def test_owed_by_hand() -> None:
    """Two processors, slices of 10 s: 20 s of service in each. Ben has weight 3 and leaves in the middle of the second.

    First slice: 1 : 3, so 5 and 15. Second: 1 * 10 s to 3 * 5 s, so 20 * 10/25 = 8 and 20 * 15/25 = 12.
    """
    anna = work([20, 5], [10, 10])
    ben = work([0, 15], [10, 5], weight=3)
    assert owed([anna, ben]) == [[5, 8], [15, 12]]
    # Got of owed: 25/13 and 15/27. (25/13 + 15/27)^2 / (2 * ((25/13)^2 + (15/27)^2)) = 0.7667
    index = evenness([(25, 13, 1), (15, 27, 1)])
    assert index == pytest.approx(0.7667, abs=0.0001)


def test_a_cap_limits_what_is_owed_and_others_are_owed_the_rest() -> None:
    capped = work([10], [10], cap=1)
    other = work([30], [10])
    assert owed([capped, other]) == [[10], [30]]


def test_one_job_is_owed_one_processor_at_most() -> None:
    lone = work([10], [10], weight=3, present=[10])
    crowd = work([30], [10])
    assert owed([lone, crowd]) == [[10], [30]]


def test_a_flow_is_owed_no_more_than_it_asked_for() -> None:
    """Its job of a second waited for nine: it was not owed half of these nine."""
    brief = work([1], [10], asked=[1])
    heavy = work([9], [10])
    assert owed([brief, heavy]) == [[1], [9]]


def test_what_was_owed_once_is_not_owed_again_when_it_comes_late() -> None:
    late = work([0, 5, 0], [10, 5, 0], asked=[5, 0, 0])
    early = work([10, 5, 0], [10, 10, 0], asked=[20, 0, 0])
    assert owed([late, early]) == [[5, 0, 0], [5, 10, 0]]
    # Early had nothing to do any more when late got its own: that is then early's, who had done without it.
    early = work([10, 0, 0], [10, 0, 0], asked=[10, 0, 0])
    assert owed([late, early]) == [[5, 0, 0], [5, 5, 0]]


def test_nothing_is_owed_of_nothing() -> None:
    assert owed([]) == []
    assert owed([work([0.0], [10.0])]) == [[0.0]]
    assert evenness([(0.0, 0.0, 3)]) is None


def test_a_total_is_divided_by_claims_up_to_limits() -> None:
    assert divide(12, [1, 2, 3]) == [2, 4, 6]
    assert divide(12, [1, 2, 3], [9, 1, 9]) == [2.75, 1, 8.25]
    assert divide(12, [1, 1, 0], [2, 3, 9]) == [2, 3, 0]


@given(st.data())
def test_all_are_owed_what_all_got(data: st.DataObject) -> None:
    amounts = st.floats(0, 100)
    slices = data.draw(st.integers(1, 6))
    works = []
    for _ in range(data.draw(st.integers(1, 5))):
        got = data.draw(st.lists(amounts, min_size=slices, max_size=slices))
        more = data.draw(st.lists(amounts, min_size=slices, max_size=slices))
        # All that is got was asked for until then, if only at the very beginning.
        asked = [sum(got) + more[0], *more[1:]]
        present = [g + m for g, m in zip(got, more, strict=True)]
        weight, cap = data.draw(st.floats(0.1, 10)), data.draw(st.sampled_from([None, 1, 3]))
        works.append(Work(weight, cap, got, [min(p, 10.0) for p in present], present, asked))
    found = owed(works)
    for at in range(slices):
        assert sum(due[at] for due in found) == pytest.approx(sum(w.got[at] for w in works), abs=1e-5)
    for due, one in zip(found, works, strict=True):
        assert min(due) >= 0
        assert sum(due) <= sum(one.asked) + 1e-5


def test_quantiles_of_counts() -> None:
    counts = {3.0: 1, 1.0: 18, 2.0: 1}
    assert [quantile(counts, fraction) for fraction in (0.5, 0.9, 0.95, 1.0)] == [1.0, 1.0, 2.0, 3.0]
    assert quantile({}, 0.5) is None


# From the database

BEGIN = datetime(2026, 1, 5, 8, tzinfo=timezone.get_default_timezone())
UNIT = 6.0
"""Seconds in which all times are told here: an hour has 600, and a slice of it 10."""
numbers = count(1)


def at(units: float) -> datetime:
    return BEGIN + timedelta(seconds=units * UNIT)


def told(begin: datetime, until: datetime) -> Shares:
    """The shares, from outcomes. They must be the same from totals."""
    found = shares(begin, until)
    count_all()
    again = shares(begin, until)
    assert [share.flow for share in again.everyone] == [share.flow for share in found.everyone]
    for now, before in zip(again.everyone, found.everyone, strict=True):
        assert now.owed == pytest.approx(before.owed, abs=1e-6)
        assert now.got == pytest.approx(before.got, abs=1e-6)
        assert now.waits == before.waits
    assert again.waits == found.waits
    return again


def flow(name: str, weight: float = 1.0, **fields: Any) -> Flow:
    owner = Owner.objects.create(key=name)
    made = make_flow(name, owner, weight=weight, **fields)
    Owner.objects.filter(pk=owner.pk).update(flow=made)
    return made


def job(of: Flow, submitted: datetime, **fields: Any) -> Job:
    fields = {"owner_id": of.owner_id, "task": "wait", "duration": 100 * UNIT, "submitted_at": submitted} | fields
    return Job.objects.create(name=f"job-{next(numbers)}", **fields)


def ran(of: Flow, submitted: float, started: float, ended: float, attempt: int = 1, **fields: Any) -> Outcome:
    """A job that was submitted, started, and done at these times of the span."""
    asked = job(of, at(submitted), **fields)
    return Outcome.objects.create(
        job=asked, owner_id=asked.owner_id, flow=of, number=next_number(), status="succeeded", attempt=attempt,
        started_at=at(started), finished_at=at(ended), time_spent=(ended - started) * UNIT,
    )  # fmt: skip


def of(found: Shares, wanted: Flow) -> FlowShare:
    (share,) = [share for share in found.flows if share.flow == wanted]
    return share


def units(found: Shares, wanted: Flow) -> tuple[float, float]:
    """Owed and got, in units, over the whole span, to the microsecond."""
    share = of(found, wanted)
    return round(share.owed_seconds / UNIT, 6), round(share.got_seconds / UNIT, 6)


@pytest.mark.parametrize(
    ("begin", "until", "width", "first", "last"),
    [
        ("08:00:30", "08:59:30", 60, "08:00:00", "09:00:00"),
        ("08:00:00", "09:00:00", 60, "08:00:00", "09:00:00"),
        ("01:10:00", "11:45:00", 1_800, "01:00:00", "12:00:00"),
        ("08:00:00", "12:00:40", 300, "08:00:00", "12:00:30"),
    ],
)
def test_a_span_is_widened_to_whole_slices_and_ends_now(
    begin: str, until: str, width: int, first: str, last: str
) -> None:
    def moment(time: str) -> datetime:
        return datetime.fromisoformat(f"2026-01-05T{time}+00:00")

    span = slices(moment(begin), moment(until), now=moment("12:00:30"))
    assert (span.width, span.begin, span.until) == (width, moment(first), moment(last))
    assert sum(span.lengths) == (span.until - span.begin).total_seconds()
    assert len(span.lengths) == span.many


@pytest.mark.django_db
def test_a_fair_hour() -> None:
    """One processor. Until 400 both have work, 1 : 3; then only Anna has. Both get in the end what they are owed."""
    anna, ben = flow("anna"), flow("ben", weight=3)
    ran(anna, 0, 0, 100)
    ran(ben, 0, 100, 400)
    ran(anna, 0, 400, 500)
    found = told(BEGIN, at(600))
    assert units(found, anna) == (100 + 100, 200)
    assert units(found, ben) == (300, 300)
    assert found.evenness == pytest.approx(1.0)
    assert found.got_seconds == pytest.approx(500 * UNIT)
    assert of(found, anna).owed[:2] == pytest.approx([2.5 * UNIT, 2.5 * UNIT])
    assert of(found, ben).owed[:2] == pytest.approx([7.5 * UNIT, 7.5 * UNIT])
    assert of(found, anna).got[9:11] == pytest.approx([10 * UNIT, 0])
    assert found.flows[0].flow == ben


@pytest.mark.django_db
def test_the_first_minutes_of_who_waits() -> None:
    """Of the first 200 s Anna is owed a quarter and gets all: 4 times and 0 times what was owed."""
    anna, ben = flow("anna"), flow("ben", weight=3)
    ran(anna, 0, 0, 200)
    ran(ben, 0, 200, 500)
    found = told(BEGIN, at(200))
    assert units(found, anna) == (50, 200)
    assert units(found, ben) == (150, 0)
    assert found.evenness == pytest.approx(0.5)


@pytest.mark.django_db
def test_only_what_is_in_the_span_counts() -> None:
    anna, ben = flow("anna"), flow("ben")
    ran(ben, -50, -40, -10)
    ran(anna, -300, -100, 60)
    ran(anna, 100, 150, 700)
    ran(ben, 5000, 5000, 5001)
    found = told(BEGIN, at(600))
    assert [share.flow for share in found.flows] == [anna]
    assert units(found, anna) == (510, 510)
    assert found.waits.jobs == 1


@pytest.mark.django_db
def test_waits_of_what_started_in_the_span() -> None:
    anna, ben = flow("anna"), flow("ben")
    ran(anna, -100, -50, 10)
    for wait in range(1, 21):
        ran(anna, 0, wait, 300)
    ran(ben, 0, 200, 300)
    found = told(BEGIN, at(600))
    waits = of(found, anna).waits
    assert waits.jobs == 20
    assert waits.median == pytest.approx(10 * UNIT, rel=0.011)
    assert waits.p95 == pytest.approx(19 * UNIT, rel=0.011)
    assert found.waits.jobs == 21
    assert found.waits.median == pytest.approx(11 * UNIT, rel=0.011)


@pytest.mark.django_db
def test_an_attempt_that_failed_counts_and_a_moment_that_was_asked_for() -> None:
    anna, ben = flow("anna"), flow("ben")
    done = ran(anna, 0, 200, 300, attempt=2)
    Attempt.objects.create(
        job=done.job, number=1, started_at=at(50), finished_at=at(100), time_spent=50 * UNIT, error="Oh no."
    )
    ran(ben, 0, 450, 500, run_at=at(400))
    found = shares(BEGIN, at(600))
    assert units(found, anna) == (150, 150)
    assert units(found, ben) == (50, 50)
    assert of(found, ben).waits.median == pytest.approx(50 * UNIT, rel=0.011)
    assert of(found, anna).waits.p95 == pytest.approx(100 * UNIT, rel=0.011)
    assert of(found, anna).waits.jobs == 2
    # Where the last attempt failed, its outcome says the same once more.
    Outcome.objects.update(attempt=1, status="failed", started_at=at(50), finished_at=at(100))
    assert units(told(BEGIN, at(600)), anna) == (50, 50)


@pytest.mark.django_db
def test_a_cancelled_job_was_work_while_it_waited() -> None:
    anna, ben = flow("anna"), flow("ben")
    ran(ben, 0, 0, 100)
    given_up = ran(anna, 0, 0, 60, duration=30 * UNIT)
    later = ran(anna, 0, 0, 60, run_at=at(400))
    for outcome in (given_up, later):
        Outcome.objects.filter(pk=outcome.pk).update(attempt=0, started_at=None, status="cancelled")
    found = told(BEGIN, at(600))
    assert units(found, anna) == (30, 0)
    assert units(found, ben) == (70, 100)


@pytest.mark.django_db
def test_what_runs_and_waits_now_counts() -> None:
    now = timezone.now()
    anna, ben, cleo = flow("anna"), flow("ben"), flow("cleo")
    for owner, lease in ((anna, 15), (cleo, -1)):
        running = job(owner, now - timedelta(seconds=120))
        Processor.objects.create(
            cluster="c", host="h", pid=1, started_at=now, seen_at=now, lease_until=now + timedelta(seconds=lease),
            flow=owner, jobs=[running.pk], attempts=[1], charged=100, job=running,
            job_started_at=now - timedelta(seconds=60),
        )  # fmt: skip
    for _ in range(2):
        waiting = job(ben, now - timedelta(seconds=30))
        Waiting.objects.create(owner_id=waiting.owner_id, job=waiting, flow=ben, expected=100)
    later = job(ben, at(0))
    Waiting.objects.create(owner_id=later.owner_id, job=later, not_before=now, expected=100)
    found = shares(now - timedelta(seconds=100), now + timedelta(hours=1))
    assert of(found, anna).got_seconds == pytest.approx(60, abs=2)
    assert of(found, cleo).got_seconds == 0
    # Two take turns for 30 s, three for the other 30.
    assert of(found, anna).owed_seconds == pytest.approx(30 / 2 + 30 / 3, abs=2)
    assert of(found, ben).owed_seconds == pytest.approx(30 / 3, abs=2)


@pytest.mark.django_db
def test_a_backlog_is_as_old_as_its_oldest_job_even_where_the_first_in_the_order_waited_for_its_moment() -> None:
    now = timezone.now()
    anna, ben = flow("anna"), flow("ben")
    ran(anna, 0, 0, 1)
    Outcome.objects.update(started_at=now - timedelta(minutes=60), finished_at=now)
    Job.objects.update(submitted_at=now - timedelta(minutes=60))
    for moment in (now - timedelta(minutes=10), None):
        asked = job(ben, now - timedelta(minutes=30), run_at=moment)
        Waiting.objects.create(owner_id=asked.owner_id, job=asked, flow=ben, expected=10_000)
    found = shares(now - timedelta(minutes=60), now)
    # Anna was alone for half an hour; since then they take turns.
    assert of(found, ben).owed_seconds == pytest.approx(15 * 60, abs=60)


@pytest.mark.django_db
def test_more_flows_than_there_is_room_for_are_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FLOWS", 3)
    monkeypatch.setattr(module, "TOLD_APART", 5)
    flows = [flow(f"user-{n}", weight=1 + n % 2) for n in range(8)]
    for n, one in enumerate(flows):
        ran(one, 0, 0, 100 + n)
    found = shares(BEGIN, at(600))
    assert [share.flow for share in found.flows] == flows[:4:-1]
    assert found.others is not None
    assert (found.others.together, found.others.waits.jobs) == (5, 5)
    assert found.others.got_seconds == pytest.approx(sum(100 + n for n in range(5)) * UNIT)
    assert sum(share.owed_seconds for share in found.everyone) == pytest.approx(found.got_seconds)
    assert found.evenness == pytest.approx(1.0)
    Outcome.objects.filter(flow__in=flows[:4]).delete()
    assert told(BEGIN, at(600)).others is None


@pytest.mark.django_db
def test_a_span_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch, boss: Client) -> None:
    monkeypatch.setattr(module, "QUERY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(module, "_SHARES", "SELECT pg_sleep(5)")
    with pytest.raises(SpanTooLarge):
        shares(BEGIN, at(600))
    assert "choose a shorter one" in boss.get(PAGE).content.decode()


# The page

PAGE = "/admin/queueapp/flow/shares/"


@pytest.fixture
def boss(client: Client) -> Client:
    """The browser of a superuser."""
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    return client


@pytest.mark.django_db
def test_who_may_view_flows_may_see_the_page(client: Client) -> None:
    clerk = make_user("clerk")
    assert client.get(PAGE)["Location"].startswith(reverse("admin:login"))
    client.force_login(clerk)
    assert client.get(PAGE)["Location"].startswith(reverse("admin:login"))
    clerk.is_staff = True
    clerk.save()
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get(reverse("admin:index")).content.decode()
    clerk.user_permissions.add(Permission.objects.get(codename="view_flow"))
    assert client.get(PAGE).status_code == 200
    assert f'href="{PAGE}"' in client.get(reverse("admin:queueapp_flow_changelist")).content.decode()


@pytest.mark.django_db
def test_the_page_says_all_in_a_table(boss: Client) -> None:
    anna, ben = flow("anna"), flow("<ben>", weight=3, cap=2)
    ran(anna, 0, 0, 200)
    ran(ben, 0, 200, 500)
    page = boss.get(PAGE, {"begin": "2026-01-05T08:00", "until": "2026-01-05T08:30"}).content.decode()
    # Anna got 200 of 50, Ben 100 of 250: 4.4 ** 2 / (2 * (4 ** 2 + 0.4 ** 2)).
    for text in ("0.599", "anna", "&lt;ben&gt;", "weight 3, at most 2 at once", "20\N{NO-BREAK SPACE}min", "1 job"):
        assert text in page
    assert "<ben>" not in page
    # The site's policy lets no style and no script run that is written into a page.
    assert not re.search(r"""\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=""", page)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("begin", "until", "said"),
    [
        ("2026-01-05T08:00", "", "To: This field is required."),
        ("2026-01-05T08:00", "soon", "To: Enter a valid date/time."),
        ("2026-01-05T08:00", "2026-01-05T08:00", "The span must begin in the past, and before it ends."),
        ("2999-01-05T08:00", "2999-01-05T09:00", "The span must begin in the past, and before it ends."),
        ("2026-01-05T08:00", "2026-03-05T08:00", "Choose at most 31 days."),
    ],
)
def test_a_wrong_span_is_refused_in_words(boss: Client, begin: str, until: str, said: str) -> None:
    answer = boss.get(PAGE, {"begin": begin, "until": until})
    assert answer.status_code == 200
    assert said in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("span", ["15min", "hour", "day", "week", "nonsense"])
def test_an_idle_queue_says_so(boss: Client, span: str) -> None:
    assert "No job waited or ran in this span." in boss.get(PAGE, {"span": span}).content.decode()


@pytest.mark.django_db
def test_the_page_takes_as_many_queries_for_fifty_flows_as_for_five(boss: Client) -> None:
    span = {"begin": "2026-01-05T08:00", "until": "2026-01-05T09:00"}

    def queries(first: int, last: int) -> int:
        for n in range(first, last):
            ran(flow(f"user-{n}"), 0, n, 100 + n)
        with CaptureQueriesContext(connection) as seen:
            page = boss.get(PAGE, span)
        assert len(page.context["shares"].rows) == last
        return len(seen)

    boss.get(PAGE, span)
    assert queries(0, 5) == queries(5, 50)


@pytest.mark.django_db
def test_the_others_are_the_last_row_and_one_layer() -> None:
    flows = [flow(f"user-{n:02}") for n in range(60)]
    for n, one in enumerate(flows):
        ran(one, 0, 0, 100 + n)
    said = shown(shares(BEGIN, at(600)))
    assert [row.name for row in said.rows[::50]] == ["user-59", "10 other flows"]
    assert [name for _, _, name in said.layers] == [f"user-{n}" for n in range(59, 53, -1)] + ["all others"]
    assert said.flows == "60 flows"


@pytest.mark.parametrize(
    ("fraction", "said"), [(0, "0 %"), (0.0001, "< 0.1 %"), (0.0123, "1.2 %"), (0.0999, "10 %"), (1.789, "179 %")]
)
def test_parts_are_told_in_per_cent(fraction: float, said: str) -> None:
    assert part(fraction).replace("\N{NO-BREAK SPACE}", " ") == said


def test_numbers_become_areas() -> None:
    assert [svg.round_up(value) for value in (0.3, 3.2, 4.0000001, 5.5, 70)] == [0.4, 4, 4, 6, 80]
    assert svg.line([1, 2], 2) == "M0 50L300 50L300 0L600 0"
    assert svg.stacked([[1, 0], [1, 2]], 2) == [
        "M0 50L300 50L300 100L600 100L600 100L300 100L300 100L0 100Z",
        "M0 0L300 0L300 0L600 0L600 100L300 100L300 50L0 50Z",
    ]
