"""The cases: streams of the site, the same bytes from the bare server, the same completions from the peer; pages."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpx
import psutil

from bench.harness import Crew, free_port
from bench.streams.bare import BareServer
from bench.streams.bystander import Bystander
from bench.streams.client import HOST, Clients, Request
from bench.streams.events import COMPLETED, Recording, Sent
from bench.streams.measure import (
    RECEIVED,
    Figures,
    beside,
    compare,
    connect,
    latencies,
    opening,
    queues,
    spread,
    traffic,
)
from bench.streams.remote import Remote
from bench.streams.site import Feeder, Site, pile_up
from bench.throughput.meter import cpu_seconds, memory_mb

WARM = 2.0
"""Seconds of load before a window."""
DRAIN_LIMIT = 20.0
"""Seconds for the jobs of a window to end and to be heard."""
LEAD = 0.3
"""Seconds before a replay begins."""
PAGES, LIGHT = 500, 20
"""Pages, and users beside them whose queues are empty."""
LIGHT_RATE = 20.0
"""Jobs a second of the light users together."""
HELD = 0.1
"""Seconds that a page's jobs hold a processor each."""
DEEP, DEEP_PAGES, DEPTH_OF_OTHERS = 1_000, 20, 100
"""From so many waiting jobs on, so many pages have them, and the others have fewer: the database would be too large."""


@dataclass(frozen=True)
class Plan:
    """What is measured of each case: windows of so many seconds, one at each rate of jobs a second.

    `limit`: seconds for all streams to open; a case whose streams are not open by then is not measured further.
    """

    rates: Sequence[float]
    seconds: float
    limit: float


@dataclass
class Window:
    """The events that arrived in a window of so many seconds, and those to be sent again."""

    seconds: float
    events: Recording
    sequence: list[Sent]


class Run:
    """A site with its clients and the bystander while it is measured."""

    def __init__(self, site: Site, clients: Remote, bystander: Remote, feeder: Feeder, users: range) -> None:
        """`users`: those for whom the feeder submits."""
        self.site, self.clients, self.bystander, self.feeder, self.users = site, clients, bystander, feeder, users

    def window(self, rate: float, seconds: float) -> tuple[Figures, Window]:
        """Return what the feeder's users and the bystander got in a window under load, and all that was sent then."""
        self.feeder.run(rate, WARM)
        self.clients.call("record")
        self.bystander.call("take")
        since, before = time.time(), self._cpu()
        self.feeder.run(rate, seconds)
        until, after, received = time.time(), self._cpu(), self.clients.call("received_bytes")
        figures: Figures = {"beside": beside(self.bystander.call("take")), "drained": self.drain(DRAIN_LIMIT)}
        events = self.clients.call("recorded")
        due = {n: at for n, (_, at) in self.site.commits(self.users).items() if since <= at < until}
        inside, took = events.between(since, until), until - since
        figures |= spread(latencies(events, due)) | traffic(inside, took)
        figures |= {what: many / 1024 / took for what, many in zip(RECEIVED, received, strict=True)}
        figures |= {f"CPU % {who}": 100 * (after[who] - used) / took for who, used in before.items()}
        return figures, Window(took, inside, events.sequence(due, since, until))

    def _cpu(self) -> Figures:
        return self.site.cpu() | {"clients": cpu_seconds([psutil.Process(self.clients.pid)])}

    def storm(self, rate: float, streams: int, limit: float) -> Figures:
        """Return what came of a storm under load, with what the bystander got meanwhile."""
        self.bystander.call("take")
        self.clients.begin("storm", limit)
        self.feeder.run(rate, 2 * limit, lambda: self.clients.is_done)
        figures = opening(self.clients.result(), streams)
        return figures | {"beside": beside(self.bystander.call("take")), "drained": self.drain(limit)}

    def drain(self, limit: float) -> bool:
        """Wait until all jobs of the feeder have ended and were heard. Return whether they were in time."""
        deadline = time.monotonic() + limit
        while self.clients.call("count", self.users) < self.feeder.submitted:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True


def site_case(url: str, streams: int, plan: Plan) -> tuple[Figures, dict[float, Window]]:
    """Measure the site with so many streams. Return the figures, and the windows by rate."""
    with Site(url, streams + 1) as site:
        site.start()
        with (
            Remote(Bystander, site.port, site.token(streams)) as bystander,
            Remote(Clients, site.port, site.requests(streams)) as clients,
        ):
            time.sleep(WARM)
            bystander.call("take")
            before = site.memory()
            figures: Figures = {"connect": connect(clients, streams, site.memory, plan.limit)}
            figures["connect"]["beside"] = beside(bystander.call("take"))
            windows = dict[float, Window]()
            if figures["connect"]["opened"] < streams:
                return figures, windows
            users = range(streams)
            run = Run(site, clients, bystander, Feeder(site.owners[:streams]), users)
            for rate in plan.rates:
                figures[f"{rate:g} jobs/s"], windows[rate] = run.window(rate, plan.seconds)
            figures["KB a stream after load"] = (site.memory() - before) / streams
            figures["storm"] = run.storm(plan.rates[-1], streams, plan.limit)
            figures["wrong"] = compare(clients.call("completions"), site.commits(users))
            return figures, windows


Send = Callable[[list[Sent], float], object]


def replay_case(
    clients: Remote,
    process: psutil.Process,
    send: Send,
    windows: dict[float, Window],
    limit: float,
    only: int | None = None,
) -> Figures:
    """Measure a server that sends the events of windows again, all or those of one kind, by `send`; then a storm.

    `send` takes the events and the time of the beginning, and returns once all are sent.
    """

    def memory() -> float:
        return memory_mb([process]) * 1024

    streams, both = clients.call("size"), [process, psutil.Process(clients.pid)]
    figures: Figures = {"connect": connect(clients, streams, memory, limit)}
    if figures["connect"]["opened"] < streams:
        return figures
    for rate, window in windows.items():
        sequence = [event for event in window.sequence if only in (None, event[2])]
        clients.call("record")
        since, before = time.time() + LEAD, [cpu_seconds([its]) for its in both]
        send(sequence, since)
        used = [cpu_seconds([its]) - earlier for its, earlier in zip(both, before, strict=True)]
        time.sleep(LEAD)
        events = clients.call("recorded")
        due = {number: since + offset for offset, _, kind, _, number in sequence if kind == COMPLETED}
        figures[f"{rate:g} jobs/s"] = spread(latencies(events, due)) | traffic(events, window.seconds)
        for who, seconds in zip(("web", "clients"), used, strict=True):
            figures[f"{rate:g} jobs/s"][f"CPU % {who}"] = 100 * seconds / window.seconds
    figures["storm"] = opening(clients.call("storm", limit), streams)
    return figures


def bare_case(streams: int, windows: dict[float, Window], first_bytes: float, limit: float) -> Figures:
    """Measure the bare server with all events of the site."""
    requests = [Request(f"/{user}", resume=False) for user in range(streams)]
    with Remote(BareServer, int(first_bytes)) as server, Remote(Clients, server.call("start"), requests) as clients:
        process = psutil.Process(server.pid)
        return replay_case(clients, process, lambda *what: server.call("replay", *what), windows, limit)


def peer_case(streams: int, windows: dict[float, Window], limit: float) -> Figures:
    """Measure django-eventstream with the completions of the site. It has no queues to send."""
    port = free_port()
    requests = [Request(f"/events/{user}/", resume=False) for user in range(streams)]
    with Crew() as crew:
        server = crew.start(
            "-m", "uvicorn", "bench.streams.peer.asgi:application", "--host", HOST, "--port", str(port),
            "--lifespan", "off", "--ws", "none", "--no-access-log", "--log-level", "warning",
        )  # fmt: skip
        crew.wait(lambda: _accepts(port), 30.0)

        def send(sequence: list[Sent], since: float) -> None:
            body = {"since": since, "sequence": sequence}
            httpx.post(f"http://{HOST}:{port}/replay", json=body, timeout=300).raise_for_status()

        with Remote(Clients, port, requests) as clients:
            return replay_case(clients, psutil.Process(server.pid), send, windows, limit, COMPLETED)


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), 1.0):
        return True
    return False


def pages_case(url: str, depth: int, plan: Plan) -> Figures:
    """Measure pages whose users have `depth` waiting jobs each, while jobs run, and light users beside them."""
    deep = DEEP_PAGES if depth > DEEP else PAGES
    light = range(PAGES, PAGES + LIGHT)
    with Site(url, PAGES + LIGHT + 1) as site:
        pile_up(site.owners[:deep], depth, HELD)
        pile_up(site.owners[deep:PAGES], DEPTH_OF_OTHERS, HELD)
        site.start()
        with (
            Remote(Bystander, site.port, site.token(PAGES + LIGHT)) as bystander,
            Remote(Clients, site.port, site.requests(PAGES + LIGHT)) as clients,
        ):
            time.sleep(WARM)
            figures: Figures = {"connect": connect(clients, PAGES + LIGHT, site.memory, plan.limit)}
            if figures["connect"]["opened"] < PAGES + LIGHT:
                return figures
            run = Run(site, clients, bystander, Feeder(site.owners[light.start : light.stop]), light)
            found, window = run.window(LIGHT_RATE, plan.seconds)
            return figures | found | queues(window.events, range(deep), window.seconds)
