"""python -m bench.streams: many event streams of one web process, and pages with deep queues.

For each number of streams, one user each: a site with one web process and four processors, then a bare server that
sends the same bytes at the same times (the limit), then django-eventstream with the same completions (the peer). Every
completion is compared with the database. With --write, writes bench/results/streams.txt and .json.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from importlib.util import find_spec

from bench.harness import keep, own_database
from bench.streams.cases import Plan, bare_case, pages_case, peer_case, site_case
from bench.streams.measure import Figures
from bench.streams.report import report
from bench.streams.site import DECLARED, PROCESSORS, allow_files, use_server_with_commit_times

NAME = "turnabout_bench_streams"
TOKEN_MINUTES = "120"
"""The time of the tokens: longer than the bench."""


def say(text: str) -> None:
    """Print a line about the progress to standard error."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Print the tables, and return the exit code: 1 if a completion was missed, or told twice or to the wrong user."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it ends what it started
    os.environ.setdefault("ACCESS_TOKEN_MINUTES", TOKEN_MINUTES)
    allow_files(max(options.streams, default=0))
    use_server_with_commit_times()
    plan = Plan(options.rate, options.seconds, options.limit)
    cases, pages, load = dict[int, dict[str, Figures]](), dict[int, Figures](), os.getloadavg()[0]
    with own_database(NAME) as (server, url):
        for streams in options.streams:
            cases[streams] = _case(url, streams, plan, options.peer)
            say(report({streams: cases[streams]}, {}, "so far:"))
        for depth in options.pages:
            say(f"pages with {depth:,} waiting jobs")
            pages[depth] = pages_case(url, depth, plan)
            say(report({}, {depth: pages[depth]}, "so far:"))
        version = server.version()
    facts = (
        f"Event streams of one web process, a user each; {PROCESSORS} processors; jobs that do nothing, declared as "
        f"{DECLARED * 1000:g} ms\nwindows of {plan.seconds:g} s, limit {plan.limit:g} s; PostgreSQL {version}, "
        f"{os.cpu_count()} cores, load average {load:.1f} before and {os.getloadavg()[0]:.1f} after"
    )
    text = report(cases, pages, facts)
    print(text)
    figures = {"streams": cases, "pages": pages}
    if options.write:
        keep("streams", text, figures)
    return int(any(_is_wrong(servers["site"]) for servers in cases.values()))


def _case(url: str, streams: int, plan: Plan, peer: bool) -> dict[str, Figures]:
    say(f"{streams:,} streams: the site")
    found = dict[str, Figures]()
    found["site"], windows = site_case(url, streams, plan)
    if not windows:
        return found
    say(f"{streams:,} streams: the bare server")
    found["bare"] = bare_case(streams, windows, found["site"]["connect"]["first_bytes"], plan.limit)
    if peer and not find_spec("django_eventstream"):
        say("The peer is left out: install requirements-bench.lock.")
    elif peer:
        say(f"{streams:,} streams: django-eventstream")
        found["peer"] = peer_case(streams, windows, plan.limit)
    return found


def _is_wrong(figures: Figures) -> bool:
    wrong = figures.get("wrong", {})
    return any(wrong.get(what) for what in ("missed", "told twice", "told to others", "out of order"))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=_numbers, default=[1_000, 5_000, 10_000], help="1000,5000,10000; '': none")
    parser.add_argument("--rate", type=_numbers, default=[200, 500], help="jobs a second (200,500)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each window (10)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for all streams to open (60)")
    parser.add_argument("--pages", type=_numbers, default=[5, 100, 10_000], help="waiting jobs of each page; '': none")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True, help="measure the peer, too")
    parser.add_argument(
        "--short", action="store_true", help="300 streams, 100 jobs/s, 5 s, pages with 5 jobs: a minute"
    )
    parser.add_argument("--write", action="store_true", help="write bench/results/streams.txt and .json")
    options = parser.parse_args()
    if options.short:
        options.streams, options.rate, options.seconds, options.pages = [300], [100], 5.0, [5]
    return options


if __name__ == "__main__":
    sys.exit(main())
