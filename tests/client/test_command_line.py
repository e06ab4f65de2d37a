"""The command line, run as a user runs it: a process with arguments, files and a terminal."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kit.clients import new_user
from tests.kit.proxy import Proxy
from tests.kit.site import BASE, PASSWORD, Site, free_port
from turnabout_client import Client, FileTokens, Tokens
from turnabout_client.cli import main

COMMAND = [sys.executable, "-m", "turnabout_client"]
LATER = "2100-01-01T00:00:00Z"


class Shell:
    """A user's shell: `run` a command, with the user's environment and folder. `user` is logged in by a token."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.user = new_user(site)
        self.folder = folder
        self.client = Client(site.url, username=self.user, password=PASSWORD)
        self.client.log_in()
        tokens = self.client._operations.api.store.read()
        assert tokens is not None
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(BASE / "client"),
            "TURNABOUT_URL": site.url,
            "TURNABOUT_TOKEN": tokens.access,
            "TURNABOUT_STATE": str(folder / "state"),
            "TURNABOUT_CONFIG": str(folder / "config.toml"),
            "NO_COLOR": "1",
            "COLUMNS": "100",
        }

    def run(
        self, *arguments: str, code: int = 0, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command, and check its exit code, and that it tells no traceback."""
        done = subprocess.run(
            [*COMMAND, *arguments], env=self.environment | environment, input=stdin, capture_output=True, text=True,
            timeout=60, cwd=self.folder,
        )  # fmt: skip
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, **options: Any) -> list[dict[str, Any]]:
        """Run the command, and return the objects that it prints."""
        return [json.loads(line) for line in self.run(*arguments, "--json", **options).stdout.splitlines()]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site of this module's own: what is shown of processors and starts depends on who else has jobs."""
    running = Site("turnabout_shell", processors=2)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def shell(site: Site, tmp_path: Path) -> Shell:
    return Shell(site, tmp_path)


def test_a_key_takes_the_place_of_a_login(site: Site, shell: Shell) -> None:
    del shell.environment["TURNABOUT_TOKEN"]
    shell.environment["TURNABOUT_KEY"] = site.key(shell.user, "submit", "read")
    assert "succeeded" in shell.run("submit", "wait", "-d", "10ms", "--wait").stdout
    assert "lacks the scope cancel" in shell.run("cancel", "--all", "--yes", code=5).stderr
    assert "API key is wrong" in shell.run("list", code=3, TURNABOUT_KEY="tka_wrong").stderr


def test_login_keeps_tokens_that_the_next_commands_use_and_renew(site: Site, shell: Shell) -> None:
    del shell.environment["TURNABOUT_TOKEN"]
    assert "Log in by: turnabout login" in shell.run("list", code=3).stderr
    assert "No active account" in shell.run("login", shell.user, "--password-stdin", stdin="wrong\n", code=3).stderr
    assert "no terminal" in shell.run("login", shell.user, code=2).stderr
    shell.run("login", shell.user, "--password-stdin", stdin=f"{PASSWORD}\n")
    path = shell.folder / "state" / "tokens.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in path.read_text()
    tokens = FileTokens(path, site.url)
    pair = tokens.read()
    assert pair is not None
    tokens.write(Tokens("out.of.date", pair.refresh))
    assert shell.run("submit", "--duration", "10ms", "--job-id", "after").stdout == "after\n"
    shell.run("logout")
    shell.run("list", code=3)


def test_submit_and_wait_tell_by_the_exit_code(shell: Shell) -> None:
    ask = ("submit", "checksum", "-d", "0.1s", "--payload")
    done = shell.run(*ask, '{"path": "hello.txt"}', "--wait", "--job-id", "good")
    assert done.stdout.startswith("succeeded good, ")
    assert '"bytes": 10' in done.stdout
    (shell.folder / "bad.json").write_text('{"path": "not-there"}')
    done = shell.run(*ask, "@bad.json", "--wait", code=1)
    assert "There is no file 'not-there'." in done.stdout
    assert [job["status"] for job in shell.json("wait", "good")] == ["succeeded"]
    (job,) = shell.json("submit", "-d", "1", "--run-at", LATER, "--job-id", "later")
    assert (job["job_id"], job["run_at"]) == ("later", LATER)
    assert "Not ended after 0.1 seconds: later." in shell.run("wait", "later", "--timeout", "100ms", code=6).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("submit", "checksum"), "--duration 2s"),
        (("submit", "-d", "soon"), "not a duration"),
        (("submit", "-d", "1", "-p", "[1]"), "JSON object"),
        (("submit", "-d", "1", "-p", "@none.json"), "cannot be read"),
        (("submit", "-d", "1", "--run-at", "tomorrow"), "not a moment"),
        (("submit", "-f", "none.jsonl"), "No such file"),
        (("submit", "report", "-f", "jobs.jsonl"), "leave out the task"),
        (("list", "--status", "lost"), "must be one of"),
        (("cancel",), "name jobs, or give a filter"),
        (("cancel", "--all"), "add --yes"),
        (("move", "job"), "give --front or --back"),
        (("get",), "No such command"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["turnabout", *arguments])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setenv("TURNABOUT_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("TURNABOUT_TOKEN", "any")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_a_refusal_names_each_field(shell: Shell) -> None:
    (shell.folder / "jobs.jsonl").write_text('{"duration": 1}\n\n{"duration": -1, "tsk": "wait"}\n')
    said = shell.run("submit", "--file", "jobs.jsonl", code=5).stderr
    assert "  jobs[1].duration: must be at least 0.000001 seconds\n" in said
    assert "  jobs[1].tsk: " in said
    assert "There is no such thing here." in shell.run("logs", "unknown", code=5).stderr


def test_many_jobs_come_from_json_lines_and_csv(shell: Shell) -> None:
    lines = "".join(json.dumps({"job_id": f"line-{n}", "duration": 0.01}) + "\n" for n in range(3))
    assert "Submitted: 3. There before: 0." in shell.run("submit", "-f", "-", stdin=lines).stderr
    (shell.folder / "jobs.csv").write_text(
        "job_id,duration,task,payload.path,run_at\nrow-1,0.1,checksum,hello.txt,\nrow-2,0.1,,,\n"
    )
    done = shell.json("submit", "-f", "jobs.csv", "--wait")
    assert sorted((job["job_id"], job["task"], job["payload"]) for job in done) == [
        ("row-1", "checksum", {"path": "hello.txt"}), ("row-2", "wait", {}),
    ]  # fmt: skip
    (shell.folder / "jobs.csv").write_text("job_id,duration\nrow-3,long\n")
    assert "line 2: duration must be a number" in shell.run("submit", "-f", "jobs.csv", code=2).stderr


def test_lists_are_tables_for_people_and_fields_for_programs(shell: Shell) -> None:
    for name in ("one", "two"):
        shell.client.submit(duration=1, job_id=name, run_at=None if name == "one" else datetime.fromisoformat(LATER))
    shell.client.wait("one", timeout=30)
    lines = [line.split("\t")[:3] for line in shell.run("list").stdout.splitlines()]
    assert lines == [["two", "queued", "wait"], ["one", "succeeded", "wait"]]
    assert [job["job_id"] for job in shell.json("list", "--status", "succeeded", "--limit", "1")] == ["one"]
    screen = in_terminal(shell, "list").decode()
    assert "submitted" in screen.splitlines()[0]
    assert any("two" in line and "queued" in line for line in screen.splitlines())


def test_jobs_are_cancelled_and_retried(shell: Shell) -> None:
    for n in range(3):
        shell.client.submit(duration=1, job_id=f"batch-{n}", run_at=datetime.fromisoformat(LATER))
    done = shell.run("cancel", "batch-0", "unknown", "batch-1", code=5)
    assert done.stdout.splitlines() == ["cancelled batch-0", "cancelled batch-1"]
    assert "unknown:\n" in done.stderr
    assert shell.json("retry", "batch-0")[0]["status"] == "queued"
    assert shell.json("cancel", "--prefix", "batch-", "--submitted-before", LATER, "--yes") == [
        {"cancelled": 2, "stopping": 0, "unchanged": 0}
    ]
    assert shell.json("retry", "--status", "cancelled", "--yes") == [{"retried": 3, "unchanged": 0}]
    assert "until its moment comes" in shell.run("move", "batch-0", "--front", code=5).stderr
    assert shell.json("move", "--prefix", "batch-", "--back", "--yes") == [{"moved": 0, "unchanged": 3}]
    assert "0 moved to the front, 2 unchanged" in shell.run("move", "batch-0", "batch-1", "--front").stderr


def test_logs_tell_every_attempt_and_follow_to_the_end(shell: Shell) -> None:
    shell.client.submit("flaky", {"failures": 2}, duration=0.1, job_id="flaky")
    done = shell.run("logs", "flaky", "--follow")
    *_, last, result = done.stdout.splitlines()
    assert (last.split(", ")[0], last.split(", ")[2], result) == ("succeeded flaky", "attempt 3", '"attempt 3"')
    assert "is succeeded" in shell.run("why", "flaky", code=5).stderr
    shell.client.submit(duration=1, job_id="later", run_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert "It was submitted for a later moment." in shell.run("why", "later").stdout
    assert shell.json("why", "later")[0]["reason"] == "not_due"
    told = shell.run("logs", "flaky").stdout
    assert "attempt 1 failed at " in told
    assert "ValueError: attempt 2" in told
    assert [attempt["attempt"] for attempt in shell.json("logs", "flaky")[0]["attempts"]] == [1, 2]


def test_what_jobs_say_cannot_command_the_terminal(shell: Shell) -> None:
    shell.client.submit("logs", {"text": "\x1b]0;owned\x07 harmless"}, duration=0.1, job_id="rude")
    done = shell.run("wait", "rude", code=1)
    told = in_terminal(shell, "logs", "rude") + shell.run("logs", "rude").stdout.encode() + done.stdout.encode()
    assert b"harmless" in told
    assert b"\x1b]" not in told


def test_watch_tells_each_end_until_nothing_is_left(shell: Shell, before: Proxy) -> None:
    shell.environment["TURNABOUT_URL"] = before.url
    names = shell.client.submit_many([{"duration": 0.4}, {"duration": 0.4}, {"duration": 0.01}]).job_ids
    timer = threading.Timer(0.6, before.cut)
    timer.start()
    done = shell.run("watch", "--until-idle", "--after", "0")
    timer.join()
    assert sorted(line.split(", ")[0] for line in done.stdout.splitlines()) == sorted(f"succeeded {n}" for n in names)
    events = shell.json("watch", "--until-idle", "--after", "0")
    assert [event["data"]["job_id"] for event in events if event["event"] == "completed"] == [
        line.split(", ")[0].removeprefix("succeeded ") for line in done.stdout.splitlines()
    ]


def test_watch_in_a_terminal_shows_bars_and_starts_and_ends_by_ctrl_c(shell: Shell) -> None:
    for name in ("first", "second", "third", "fourth"):
        shell.client.submit(duration=600, job_id=name)

    limit = time.monotonic() + 45

    def is_complete(screen: bytes) -> bool:
        assert time.monotonic() < limit, screen[-3_000:].decode(errors="replace")
        return all(word in screen for word in (b"first", b"fourth", b"in about", b"2 queued", b"%"))

    try:
        screen = in_terminal(shell, "watch", until=is_complete, end=signal.SIGINT)
    finally:
        shell.client.cancel_matching(all=True)
    assert b"2 of 2 processors busy" in screen
    assert b"Traceback" not in screen


def test_a_site_that_is_away_or_busy_is_told(shell: Shell, before: Proxy) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    assert "does not answer" in shell.run("list", code=4, TURNABOUT_URL=away, TURNABOUT_RETRY_FOR="0.2").stderr
    before.lose_answer("GET", times=100)
    shell.run("list", code=4, TURNABOUT_URL=before.url, TURNABOUT_RETRY_FOR="0.5")


def test_settings_come_from_options_variables_and_a_file(site: Site, shell: Shell) -> None:
    url, token = shell.environment.pop("TURNABOUT_URL"), shell.environment.pop("TURNABOUT_TOKEN")
    file = shell.folder / "config.toml"
    file.write_text(f'url = "{url}"\nkey = "{token}"\nretry_for = 0.2\n')
    shell.run("list")
    assert "does not answer" in shell.run("--url", f"http://127.0.0.1:{free_port()}", "list", code=4).stderr
    file.write_text('adress = "x"\n')
    assert "there is no setting 'adress'" in shell.run("list", code=2).stderr
    file.write_text("url = ")
    assert "is not TOML" in shell.run("list", code=2).stderr
    assert "address of a site" in shell.run("--url", "nonsense", "list", code=2, TURNABOUT_CONFIG="none").stderr


def test_a_log_is_replayed_at_its_pace(site: Site, shell: Shell) -> None:
    fields = ["-1"] * 14
    swf = "; a comment\n" + "".join(
        " ".join([str(n + 1), str(n * 10), "-1", "1", *fields[:7], str(n % 2 + 1), *fields[:6]]) + "\n"
        for n in range(4)
    )
    (shell.folder / "log.swf.gz").write_bytes(gzip.compress(swf.encode()))
    ask = ("replay", "log.swf.gz", "--speed", "100", "--run", "test")
    assert shell.json(*ask) == [{"run": "test", "submitted": 4, "succeeded": 4}]
    jobs = {job.job_id: job for job in shell.client.jobs()}
    assert sorted(jobs) == [f"log-test:{n}" for n in (1, 2, 3, 4)]
    moments = [jobs[f"log-test:{n}"].submitted_at.timestamp() for n in (1, 2, 3, 4)]
    assert sorted(set(moments)) == moments, "each at a moment of its own"
    assert jobs["log-test:1"].duration == 0.01
    (shell.folder / "log.jsonl").write_text(
        '{"duration": 0.01, "job_id": "own-name"}\n'
        '{"at": 5, "duration": 0.01, "task": "nap", "payload": {"seconds": 0}}\n'
    )
    assert shell.json("replay", "log.jsonl", "--speed", "50", "--limit", "2")[0]["succeeded"] == 2
    (shell.folder / "log.swf").write_text("1 2 3\n")
    assert "line 1 is not a job" in shell.run("replay", "log.swf", code=2).stderr


def test_shells_complete_commands(shell: Shell) -> None:
    done = shell.run(_TURNABOUT_COMPLETE="complete_bash", COMP_WORDS="turnabout ca", COMP_CWORD="1")
    assert done.stdout.split() == ["cancel"]


def in_terminal(
    shell: Shell, *arguments: str, until: Callable[[bytes], bool] | None = None, end: signal.Signals | None = None
) -> bytes:
    """Run a command in a terminal, and return what it shows. Once `until` holds, it is sent the signal `end`."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=shell.environment | {"TERM": "xterm"}, cwd=shell.folder,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while data := _read(ours):
            shown += data
            if until is not None and end is not None and until(shown):
                process.send_signal(end)
                until = None
        assert process.wait(30) == 0, shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""
