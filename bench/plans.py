"""How the database carries out the statements of the hot path: their plans, with the pages that each reads."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection, transaction

from queueapp.lifecycle.functions import FOLDER

# As they stand in claim.sql, which plan() makes sure of: (what it is, statement, what its names stand for).
_LEAST = (
    "SELECT vtime + p_quantum / weight FROM queueapp_flow WHERE ready AND id <> ALL (skip) ORDER BY vtime, head LIMIT 1"
)
_WHO_IS_NEXT = (
    "SELECT id, vtime, weight, busy, head INTO f FROM queueapp_flow WHERE ready AND id <> ALL (skip) AND vtime <= ( "
    f"{_LEAST}) ORDER BY vtime, head LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
)
_BACKLOG = "SELECT job_id, expected FROM queueapp_waiting WHERE flow_id = f.id ORDER BY job_id LIMIT p_most + 1"
_TAKE = "DELETE FROM queueapp_waiting WHERE flow_id = f.id AND job_id = ANY (ids) RETURNING job_id, expected, attempt"
_HOT = {"the next flow": _WHO_IS_NEXT, "the head of its backlog": _BACKLOG, "taking them": _TAKE}
AT_ONCE = 10
"""Jobs that the plans take."""
_SETTINGS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")


def plans() -> str:
    """The plans of what a claim would do now; nothing is changed. Raises ValueError where claim.sql has others."""
    return "\n".join("\n".join([f"{what}:", *(f"  {line}" for line in plan)]) for what, plan in _explained().items())


def pages() -> dict[str, int]:
    """How many pages each of the statements reads now, in memory or not, and the look-up of one processor's row."""
    found = {}
    for what, plan in _explained().items():
        first = next(line for line in plan if "Buffers" in line)
        found[what] = sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", first))
    return found


def _explained(most: int = 100, quantum: float = 0.02) -> dict[str, list[str]]:
    """The lines of each plan, without what does not matter here: costs, and conditions."""
    script = re.sub(r"\s+", " ", (FOLDER / "claim.sql").read_text())
    found = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for setting in _SETTINGS:
            cursor.execute(f"SET LOCAL {setting} = off")
        for what, statement in _HOT.items():
            if statement not in script:
                raise ValueError(f"claim.sql has another statement for {what}: bench/plans.py needs an update")
            for name, value in _stands_for(cursor, most, quantum).items():
                statement = statement.replace(name, value)
            found[what] = _explain(cursor, statement)
        cursor.execute("SELECT max(id) FROM queueapp_processor")
        if (processor := cursor.fetchone()[0]) is not None:
            query = f"SELECT turn FROM queueapp_processor WHERE id = {processor}"
            found["the row of a processor"] = _explain(cursor, query)
        transaction.set_rollback(True)
    return found


def _stands_for(cursor: Any, most: int, quantum: float) -> dict[str, str]:
    """What the names in claim.sql stand for: the flow that is next, and the head of its backlog."""
    cursor.execute("SELECT id FROM queueapp_flow WHERE ready ORDER BY vtime, head LIMIT 1")
    flow = cursor.fetchone()[0]
    cursor.execute("SELECT job_id FROM queueapp_waiting WHERE flow_id = %s ORDER BY job_id LIMIT %s", [flow, AT_ONCE])
    jobs = [job for (job,) in cursor.fetchall()]
    names = {"INTO f ": "", "p_quantum": str(quantum), "p_most": str(most), "f.id": str(flow)}
    return names | {"(skip)": "('{}'::bigint[])", "(ids)": f"(ARRAY{jobs}::bigint[])"}


def _explain(cursor: Any, statement: str) -> list[str]:
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement}")
    shown = [line for (line,) in cursor.fetchall()]
    end = next((number for number, line in enumerate(shown) if line.startswith("Planning")), None)
    return [line for line in shown[:end] if re.search(r"->|actual|Buffers|Removed", line)]
