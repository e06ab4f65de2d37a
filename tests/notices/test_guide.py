"""docs/guides/webhooks.md: its receiver is run as it stands, and told of a job."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from queueapp.lifecycle.webhooks import NewWebhook, make_webhook
from queueapp.notices.webhooks import deliveries, send_again, send_test
from queueapp.testing import run_jobs
from queueapp.workers.completed import send_completed
from tests.kit.examples import Examples
from tests.kit.queue import everyone_takes_turns, make_owner, submit_jobs
from tests.kit.site import free_port


@pytest.mark.examples("docs/guides/webhooks.md", "python")
@pytest.mark.django_db(transaction=True)
def test_the_receiver_of_the_guide_prints_each_end_once(examples: Examples) -> None:
    everyone_takes_turns()
    ada, port = make_owner("ada"), free_port()
    hook = make_webhook(ada, NewWebhook(url=f"http://127.0.0.1:{port}/"))
    [program] = examples
    running = subprocess.Popen(
        [sys.executable, "-c", program.code.replace("9000", str(port))],
        env=os.environ | {"WEBHOOK_SECRET": hook.secret}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert running.poll() is None
        submit_jobs(ada, "render-7", duration=0.001)
        run_jobs()
        while send_completed():
            pass
        run_jobs()
        send_again(hook, deliveries(hook).get().name)
        send_test(hook)
        run_jobs()
        assert [job.outcome.result["status"] for job in deliveries(hook)] == [204] * 3
    finally:
        running.terminate()
        said, _ = running.communicate()
    assert said.splitlines() == ["render-7 succeeded"]
