"""Use the client that openapi-python-client made: python use.py ADDRESS TOKEN."""

import json
import sys
from datetime import UTC, datetime

from generated_client import AuthenticatedClient
from generated_client.api.events import events
from generated_client.api.jobs import jobs_cancel, jobs_list, jobs_retrieve, jobs_submit, jobs_submit_bulk
from generated_client.models import BulkSubmission, Status, Submission

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], timeout=30, raise_on_unexpected_status=True)

later = Submission(job_id="later", duration=1, run_at=datetime(2100, 1, 1, tzinfo=UTC), memory_limit=500)
assert jobs_submit.sync(client=client, body=later).status == Status.QUEUED
assert jobs_cancel.sync("later", client=client).status == Status.CANCELLED

with client.get_httpx_client().stream(**events._get_kwargs()) as stream:
    lines = stream.iter_lines()

    def until(event: str, job_id: str) -> dict:
        """The data of the next such event that has the job."""
        name = ""
        for line in lines:
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data" and name == event:
                data = json.loads(value)
                if job_id in [job["job_id"] for job in data.get("running", [data])]:
                    return data
        raise AssertionError("the stream ended")

    body = BulkSubmission(
        jobs=[Submission(job_id=name, duration=spent) for name, spent in (("quick", 0.1), ("long", 600))]
    )
    assert jobs_submit_bulk.sync(client=client, body=body).accepted == 2
    assert until("completed", "quick")["status"] == "succeeded"
    until("queue", "long")
    assert jobs_cancel.sync("long", client=client).stopping, "202: it runs, and is asked to stop"
    assert until("completed", "long")["status"] == "cancelled"

assert jobs_retrieve.sync("quick", client=client).status == Status.SUCCEEDED
assert [job.job_id for job in jobs_list.sync(client=client).results] == ["long", "quick", "later"]
sys.stdout.write("all well\n")
