"""The trace of a job, as a collector receives it from a real web server and a real cluster."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from httpx import Client

from tests.kit.collector import Collector, Span, collector
from tests.kit.site import BASE, Site
from tests.stories.test_journey import until_finished


@pytest.fixture(scope="module")
def traced() -> Iterator[tuple[Client, Collector, Site]]:
    """A client of a site that sends its spans to a collector."""
    with collector() as (kept, endpoint):
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        site = Site("turnabout_traces", processors=1, **environment)
        site.start()
        site.user("ada")
        try:
            with site.client("ada") as client:
                yield client, kept, site
        finally:
            site.stop()


def submit(client: Client, job_id: str, task: str, sampled: bool = True, **payload: Any) -> tuple[str, str]:
    """Submit a job as a client that is traced itself. Return the ids of its trace and its span."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    job = {"job_id": job_id, "task": task, "duration": 0.01, "payload": payload}
    answer = client.post("jobs/", json=job, headers={"traceparent": f"00-{trace}-{span}-0{int(sampled)}"})
    assert answer.status_code == 201
    return trace, span


def attempts(kept: Collector, trace: str, many: int) -> list[Span]:
    return kept.wait(lambda span: span.trace == trace and span.name.startswith("attempt"), many)


def test_a_trace_leads_from_the_client_through_the_attempt_to_the_event(traced: Any) -> None:
    client, kept, _ = traced
    trace, span = submit(client, "whole", "opens-a-span")
    assert until_finished(client, "whole")["status"] == "succeeded"
    [completed] = kept.wait(lambda found: found.trace == trace and found.name == "completed opens-a-span")
    [attempt] = attempts(kept, trace, 1)
    [submission] = kept.wait(lambda found: found.trace == trace and found.name == "submit opens-a-span")
    [inner] = kept.wait(lambda found: found.trace == trace and found.name == "inside the task")
    assert [submission.parent, attempt.parent, completed.parent, inner.parent] == [
        span, submission.id, submission.id, attempt.id,
    ]  # fmt: skip
    assert submission.began <= attempt.began <= inner.began <= inner.ended <= attempt.ended <= completed.ended
    assert attempt.attributes.pop("turnabout.wait_seconds") >= 0
    assert attempt.attributes.pop("turnabout.owner") == completed.attributes["turnabout.owner"]
    assert attempt.attributes == {
        "messaging.system": "turnabout",
        "messaging.operation.name": "attempt",
        "messaging.operation.type": "process",
        "messaging.destination.name": "opens-a-span",
        "messaging.message.id": "whole",
        "turnabout.attempt": 1,
        "turnabout.outcome": "succeeded",
    }


def test_each_attempt_has_a_span_and_a_failed_one_its_error(traced: Any) -> None:
    client, kept, _ = traced
    trace, _ = submit(client, "flaky", "flaky", failures=1)
    first, second = attempts(kept, trace, 2)
    assert (first.parent, first.outcome, second.outcome) == (second.parent, "failed", "succeeded")
    assert [first.attributes["turnabout.attempt"], second.attributes["turnabout.attempt"]] == [1, 2]
    assert (first.error, first.attributes["error.type"], second.error) == ("ValueError: attempt 1", "ValueError", "")
    [exception] = first.exceptions
    assert exception["exception.type"] == "ValueError"
    assert "Traceback" in exception["exception.stacktrace"]


def test_an_attempt_that_killed_its_process_has_a_span(traced: Any) -> None:
    client, kept, _ = traced
    trace, _ = submit(client, "killed", "kill", times=1)
    first, second = attempts(kept, trace, 2)
    assert (first.outcome, second.outcome) == ("failed", "succeeded")
    assert "SIGKILL" in first.error
    assert first.ended <= second.began


def test_jobs_of_one_submission_share_its_span(traced: Any) -> None:
    client, kept, _ = traced
    jobs = [{"job_id": f"bulk-{n}", "task": "nap", "duration": 0.001, "payload": {"seconds": 0}} for n in range(3)]
    client.post("jobs/bulk/", json={"jobs": jobs}).raise_for_status()
    [submission] = kept.wait(lambda span: span.attributes.get("messaging.batch.message_count") == 3)
    assert submission.parent == ""
    found = attempts(kept, submission.trace, 3)
    assert [span.attributes["messaging.message.id"] for span in found] == ["bulk-0", "bulk-1", "bulk-2"]
    assert {span.parent for span in found} == {submission.id}


def test_what_the_client_does_not_sample_is_not_traced(traced: Any) -> None:
    client, kept, _ = traced
    trace, _ = submit(client, "unsampled", "nap", sampled=False, seconds=0)
    until_finished(client, "unsampled")
    later, _ = submit(client, "sampled", "nap", seconds=0)
    attempts(kept, later, 1)
    assert not [span for span in kept.spans if span.trace == trace]


def test_a_collector_that_does_not_answer_delays_no_job(traced: Any) -> None:
    client, kept, _ = traced
    kept.answers.clear()
    try:
        began = time.monotonic()
        for n in range(3):  # each in a process of its own, whose spans are sent before it ends
            submit(client, f"unheard-{n}", "leaves-behind", where="environment")
            assert until_finished(client, f"unheard-{n}")["status"] == "succeeded"
        assert time.monotonic() - began < 5
    finally:
        kept.answers.set()


def test_without_an_endpoint_nothing_is_traced_or_imported(site: Site) -> None:
    site.user("untraced")
    with site.client("untraced") as client:
        submit(client, "untraced", "is-imported", name="opentelemetry")
        assert until_finished(client, "untraced")["result"] is False
    assert site.query("SELECT traceparent FROM queueapp_job WHERE name = 'untraced'") == [(None,)]
    look = "import sys, jobsite.asgi; sys.exit('opentelemetry' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], cwd=BASE, env=site.environment).returncode == 0
