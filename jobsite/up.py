"""Command of `make run`: run database, web server and processors on this machine, in the foreground.

    python -m jobsite.up [--demo] [--end-with-parent]

Settings come from the environment: PORT (default 8000), PROCESSORS (default 4), WEB_PROCESSES (default 1), DATABASE_URL
(default: an embedded database under var/). Ctrl-C, SIGTERM or SIGHUP stops everything, the embedded database last.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

from django.core.exceptions import ImproperlyConfigured

from jobsite import env, local, parent, site_lock
from jobsite.children import Children

HOST = "127.0.0.1"
DEMO_SPEED = "60"
ANSWER_WITHIN = 5.0


def main(arguments: list[str] | None = None) -> int:
    """Run the site until a signal comes, and return the exit code: 0, or 1 if a part of the site ended by itself.

    If the site cannot run, exit with one sentence that says why.
    """
    options = _options(arguments)
    if options.end_with_parent:
        parent.end_with(os.getppid(), signal.SIGTERM)
    try:
        port = env.integer("PORT", default=8000, least=1, most=65_535)
        web_processes = env.integer("WEB_PROCESSES", default=1, least=1, most=64)
        children = Children(site_lock.take(local.var_folder(), f"http://{HOST}:{port}/", say))
    except (ImproperlyConfigured, site_lock.Taken) as reason:
        sys.exit(str(reason))
    _see_that_port_is_free(port)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, children.stop_soon)
    try:
        wrong = _run(children, port, web_processes, demo=options.demo)
    finally:
        children.stop()
        local.leave_databases()
    if wrong:
        say(wrong)
    say("Stopped.")
    return 1 if wrong else 0


def _run(children: Children, port: int, web_processes: int, *, demo: bool) -> str | None:
    """Return why a part of the site ended by itself, or None if a signal came."""
    accounts = _prepare(children)
    if children.stopping:
        return None
    children.start("processors", "manage.py", "processors")
    for number in range(1, web_processes + 1):
        name = "web server" if web_processes == 1 else f"web server {number}"
        children.start(name, *web_server(port, shared=web_processes > 1))
    if (wrong := children.wait(lambda: _answers(port))) or children.stopping:
        return wrong
    say(_welcome(port, accounts))
    if demo:
        children.invite(*_replay())
    return children.wait()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="jobsite.up", description="Run the whole site on this machine.")
    parser.add_argument("--demo", action="store_true", help="replay a small log of an office day into it")
    parser.add_argument("--end-with-parent", action="store_true", help="stop when the process that started this ends")
    return parser.parse_args(arguments)


def _see_that_port_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            sys.exit(f"Port {port} cannot be used ({error.strerror}); choose another one: make run PORT=8001")


def _prepare(children: Children) -> list[str]:
    """Prepare database, secret key and migrations, and demo accounts unless anything is configured.

    Return lines that say how to log in. On a configured site, end log-ins to demo accounts of earlier starts, because
    everybody knows their passwords.
    """
    configured = local.configured()
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or local.start_database(local.var_folder())
    local.fill_rest()
    os.environ.setdefault("CHECKSUM_FOLDER", str(local.BASE / "demo"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jobsite.settings")
    printed = children.run("manage.py", "demo_accounts", "--migrate", "--shut" if configured else "--first")
    if not configured and printed:
        return ["Demo accounts:", *(f"  {line}" for line in printed.splitlines())]
    command = ".venv/bin/python manage.py createsuperuser"
    if "DATABASE_URL" not in configured:  # manage.py finds the embedded database only if nothing is configured
        command = " ".join(["env", *(f"-u {name}" for name in configured), command]) if configured else command
    return [*printed.splitlines(), f"Make an account with: {command}"]


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=ANSWER_WITHIN)
    with suppress(OSError, HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    return False


def _replay() -> list[str]:
    return ["manage.py", "replay", "demo/office-day.swf", "--speed", DEMO_SPEED, "--users", "alice,bob,carol"]


def web_server(port: int | str, application: str = "jobsite.asgi:application", *, shared: bool = False) -> list[str]:
    """Return the arguments of Python that serve the site on this port of this machine, without a proxy in front.

    `shared`: other processes serve the same port.
    """
    command = ["-m", "jobsite.web", application, "--host", HOST, "--port", str(port), "--no-proxy-headers"]
    return [*command, "--share-port"] if shared else command


def _welcome(port: int, accounts: list[str]) -> str:
    lines = ["", f"Turnabout is at http://{HOST}:{port}/   (Ctrl-C stops it)", "", *accounts]
    return "\n".join([f"  {line}".rstrip() for line in lines] + [""])


def say(text: str) -> None:
    """Print text to standard output."""
    with suppress(OSError):  # a closed terminal may be the reason why we stop
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
