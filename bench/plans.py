"""Plans of the hot path's statements, with the pages that each reads."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection, transaction

from queueapp.db.routines import FOLDER, versioned

# The begin and the end of each statement in claim.sql.
_HOT = {
    "the next flow": ("SELECT flow_id, revision, vtime", ";"),
    "the head of its backlog": ("SELECT ctid, job_id", " LOOP"),
    "taking them": ("WITH taken", ";"),
}
AT_ONCE = 10
"""Jobs that the planned claim takes."""
_SETTINGS = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")


def plans() -> str:
    """Return the plans of a claim as it would run now, as text. Runs the statements and rolls them back.

    Raises ValueError if claim.sql no longer has one of them.
    """
    return "\n".join("\n".join([f"{what}:", *(f"  {line}" for line in plan)]) for what, plan in _explained().items())


def pages() -> dict[str, int]:
    """Return the pages that each statement reads now, cached or not, and those of the look-up of a processor's row."""
    found = {}
    for what, plan in _explained().items():
        first = next(line for line in plan if "Buffers" in line)
        found[what] = sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", first))
    return found


def _explained(most: int = 100, quantum: float = 0.02) -> dict[str, list[str]]:
    """Return the lines of each plan, without costs and conditions."""
    script = re.sub(r"\s+", " ", re.sub(r"--.*", "", (FOLDER / "turn" / "claim.sql").read_text()))
    found = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for setting in _SETTINGS:
            cursor.execute(f"SET LOCAL {setting} = off")
        for what, (first, end) in _HOT.items():
            statement = _statement(script, first, end)
            for name, value in _stands_for(cursor, most, quantum).items():
                statement = statement.replace(name, value)
            found[what] = _explain(cursor, statement)
        cursor.execute("SELECT max(turn) FROM queueapp_processor")
        if (turn := cursor.fetchone()[0]) is not None:
            query = f"SELECT id FROM queueapp_processor WHERE turn = {turn}"
            found["the row of a processor"] = _explain(cursor, query)
        transaction.set_rollback(True)
    return found


def _statement(script: str, first: str, end: str) -> str:
    """Return a statement without its INTO. `script`: claim.sql in one line, without comments. Raises ValueError."""
    _, begins, rest = script.partition(first)
    if not begins:
        raise ValueError(
            f"claim.sql has no statement any more that begins with {first}: bench/plans.py needs an update"
        )
    return re.sub(r"INTO \w+(, \w+)* FROM", "FROM", begins + rest.partition(end)[0])


def _stands_for(cursor: Any, most: int, quantum: float) -> dict[str, str]:
    """Return the values of the names in claim.sql, for the next flow and the head of its backlog."""
    cursor.execute(
        versioned(
            "SELECT flow_id, scan_from, queueapp_order_start() FROM queueapp_flowstate"
            " WHERE ready AND vtime >= queueapp_order_start() ORDER BY vtime, head LIMIT 1"
        )
    )
    flow, scan_from, order_start = cursor.fetchone()
    cursor.execute("SELECT ctid FROM queueapp_waiting WHERE flow_id = %s ORDER BY job_id LIMIT %s", [flow, AT_ONCE])
    places = ", ".join(f"'{place}'::tid" for (place,) in cursor.fetchall())
    names = {"p_quantum": str(quantum), "p_most": str(most), "f.flow_id": str(flow), "f.scan_from": str(scan_from)}
    names |= {"order_start)": f"'{order_start}'::float8)", ">= order_start": f">= '{order_start}'::float8"}
    return names | {"(skip": "('{}'::bigint[]", "(places)": f"(ARRAY[{places}]::tid[])"}


def _explain(cursor: Any, statement: str) -> list[str]:
    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {versioned(statement)}")
    shown = [line for (line,) in cursor.fetchall()]
    end = next((number for number, line in enumerate(shown) if line.startswith("Planning")), None)
    return [line for line in shown[:end] if re.search(r"->|actual|Buffers|Removed", line)]
