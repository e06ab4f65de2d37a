"""The systems under test, all with the interface in system.py. Importing this needs none of their packages."""

from __future__ import annotations

from bench.systems.pgqueuer import PgQueuerLimits, PgQueuerNumbers, PgQueuerPriority
from bench.systems.procrastinate import ProcrastinateNumbers, ProcrastinatePriority, ProcrastinateQueues
from bench.systems.system import System
from bench.systems.turnabout import PlainOrder, Turnabout

PLAIN = PlainOrder.key


def all_systems() -> list[System]:
    """Return every system in every configuration, this project first."""
    return [
        Turnabout(),
        PlainOrder(),
        PgQueuerLimits(),
        PgQueuerNumbers(),
        PgQueuerPriority(),
        ProcrastinateQueues(),
        ProcrastinateNumbers(),
        ProcrastinatePriority(),
    ]
