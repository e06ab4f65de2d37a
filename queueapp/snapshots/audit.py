"""The audit: whether flows, jobs, processors and leases agree, and a sentence for each fault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from ..db.routines import versioned
from ..models import Owner, PriorityRule, at_one_moment
from ..policy.rules import route

MAX_EXAMPLES = 5
"""Examples that a finding names."""

# The sums of the totals, and the moment from which on all outcomes of a half hour are kept.
_KEPT = """kept AS (
            SELECT outcomes AS counted, date_bin('30 min', (SELECT min(finished_at) FROM queueapp_outcome), 'epoch')
                                        + interval '30 min' AS since
              FROM queueapp_totalscursor)"""

# Each key is a sentence about the rows that its query finds. There should be none. The first column names an example.
_CHECKS = {
    "jobs are lost: nowhere in the queue and not ended": """
        SELECT j.id FROM queueapp_job j
         WHERE NOT EXISTS (SELECT FROM queueapp_outcome o WHERE o.job_id = j.id)
           AND NOT EXISTS (SELECT FROM queueapp_waiting w WHERE w.owner_id = j.owner_id AND w.job_id = j.id)
           AND j.id NOT IN (SELECT unnest(jobs) FROM queueapp_processor)""",
    "jobs have ended and wait all the same": """
        SELECT w.job_id FROM queueapp_waiting w JOIN queueapp_outcome o ON o.job_id = w.job_id""",
    "jobs have ended and are in a processor's turn all the same": """
        SELECT o.job_id FROM queueapp_outcome o
         WHERE o.job_id IN (SELECT unnest(jobs) FROM queueapp_processor)""",
    "jobs wait and are in a processor's turn at once": """
        SELECT w.job_id FROM queueapp_waiting w
         WHERE w.job_id IN (SELECT unnest(jobs) FROM queueapp_processor)""",
    "jobs are in two processors' turns": """
        SELECT job FROM (SELECT unnest(jobs) AS job FROM queueapp_processor) AS held
         GROUP BY job HAVING count(*) > 1""",
    "jobs wait or ended that nobody submitted": """
        SELECT w.job_id FROM queueapp_waiting w LEFT JOIN queueapp_job j ON j.id = w.job_id WHERE j.id IS NULL
        UNION ALL
        SELECT o.job_id FROM queueapp_outcome o LEFT JOIN queueapp_job j ON j.id = o.job_id WHERE j.id IS NULL""",
    "jobs wait in no flow, for no moment, and nothing pauses them": """
        SELECT w.job_id FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
          LEFT JOIN queueapp_flow f ON f.id = w.flow_id
         WHERE f.id IS NULL AND w.not_before IS NULL AND NOT queueapp_paused(w.owner_id, j.task)""",
    "jobs wait in a flow although their owner or their task is paused": """
        SELECT w.job_id FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
         WHERE w.flow_id IS NOT NULL AND queueapp_paused(w.owner_id, j.task)""",
    "jobs wait in a flow that their owner has left, and nothing says that they are to move": """
        SELECT w.job_id FROM queueapp_waiting w JOIN queueapp_owner o ON o.id = w.owner_id
         WHERE w.flow_id <> o.flow_id
           AND NOT EXISTS (SELECT FROM queueapp_pendingmove l WHERE l.owner_id = o.id AND l.flow_id = w.flow_id)""",
    "flows rest although jobs wait in them": """
        SELECT f.key FROM queueapp_flow f JOIN queueapp_flowstate t ON t.flow_id = f.id
         WHERE NOT t.backlogged AND EXISTS (SELECT FROM queueapp_waiting w WHERE w.flow_id = f.id)""",
    "flows are ready and out of sight, below the order start": """
        SELECT f.key FROM queueapp_flow f JOIN queueapp_flowstate t ON t.flow_id = f.id
         WHERE t.ready AND t.vtime < queueapp_order_start()""",
    "flows have waiting jobs that are out of sight, before their scan": """
        SELECT f.key FROM queueapp_flow f JOIN queueapp_flowstate t ON t.flow_id = f.id
         WHERE EXISTS (SELECT FROM queueapp_waiting w
                        WHERE w.flow_id = f.id AND queueapp_place_of(w.moved_to, w.job_id) < t.scan_from)""",
    # A job that was cancelled stays the head until the next claim; so does one that a job committed late comes before.
    "flows have another head than the first of their waiting jobs": """
        SELECT f.key FROM queueapp_flow f JOIN queueapp_flowstate t ON t.flow_id = f.id
         CROSS JOIN LATERAL (
               SELECT w.job_id, w.moved_to FROM queueapp_waiting w WHERE w.flow_id = f.id
                ORDER BY queueapp_place_of(w.moved_to, w.job_id), w.job_id LIMIT 1) AS first
         WHERE first.job_id <> t.head AND (first.moved_to IS NOT NULL OR first.job_id > t.head)
           AND EXISTS (SELECT FROM queueapp_waiting w WHERE w.flow_id = f.id AND w.job_id = t.head)""",
    "jobs wait in another place than they have, or in one that their owner chose among the jobs of others": """
        SELECT w.job_id FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
          LEFT JOIN queueapp_flow f ON f.id = w.flow_id
         WHERE w.moved_to IS DISTINCT FROM j.moved_to
            OR (w.moved_to IS NOT NULL AND f.id IS NOT NULL AND f.owner_id IS NULL)""",
    "flows are held although no move of their owner's jobs is pending": """
        SELECT f.key FROM queueapp_flow f JOIN queueapp_flowstate t ON t.flow_id = f.id
         WHERE t.held AND NOT EXISTS (SELECT FROM queueapp_pendingmove l WHERE l.owner_id = f.owner_id)""",
    "flows count other processors at work than there are": """
        SELECT f.key FROM queueapp_flow f JOIN queueapp_flowstate t ON t.flow_id = f.id
         WHERE t.busy <> (SELECT count(*) FROM queueapp_processor p
                           WHERE p.flow_id = f.id AND cardinality(p.jobs) > 0)""",
    "changes of the priority rules have not been followed for more than a minute": """
        SELECT 'made at ' || made_at FROM queueapp_rulechange WHERE made_at < clock_timestamp() - interval '1 minute'
        UNION ALL
        SELECT 'begun at ' || begun FROM queueapp_routing WHERE begun < clock_timestamp() - interval '1 minute'
        UNION ALL
        SELECT p.name FROM queueapp_priorityrule p, queueapp_routing r,
               (SELECT clock_timestamp() - interval '1 minute') AS d(due)
         WHERE p.active AND (p.valid_from > r.followed AND p.valid_from < due
                             OR p.valid_until > r.followed AND p.valid_until < due)""",
    "flows have no state, or several": """
        SELECT f.key FROM queueapp_flow f
         WHERE (SELECT count(*) FROM queueapp_flowstate t WHERE t.flow_id = f.id) <> 1""",
    "processors hold jobs although their lease ran out a minute ago": """
        SELECT p.host || ':' || p.pid FROM queueapp_processor p
         WHERE cardinality(p.jobs) > 0 AND p.lease_until < clock_timestamp() - interval '1 minute'""",
    "processors' turns do not fit: jobs and attempts differ in number, or the present job is not among them": """
        SELECT p.host || ':' || p.pid FROM queueapp_processor p
         WHERE cardinality(p.jobs) <> cardinality(p.attempts)
            OR (p.job_id IS NOT NULL AND p.job_id <> ALL (p.jobs))
            OR (p.job_id IS NULL AND cardinality(p.jobs) > 0)""",
    "jobs' attempts do not add up: an outcome has fewer before it than it counts": """
        SELECT o.job_id FROM queueapp_outcome o
         WHERE o.attempt > 1
           AND o.attempt - 1 > (SELECT count(*) FROM queueapp_attempt a
                                 WHERE a.job_id = o.job_id AND a.number < o.attempt)""",
    "jobs that wait have fewer attempts before them than they count": """
        SELECT w.job_id FROM queueapp_waiting w
         WHERE w.attempt > 1
           AND w.attempt - 1 > (SELECT count(*) FROM queueapp_attempt a WHERE a.job_id = w.job_id)""",
    # Other outcomes can be deleted by a retry. Half hours whose jobs may have been pruned are left out.
    "half hours have other totals of a task than as many jobs have succeeded": f"""
        WITH {_KEPT}, outcomes AS (
            SELECT date_bin('30 min', o.finished_at, 'epoch') AS begin, j.task, count(*) AS many
              FROM kept, queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id
             WHERE o.number <= counted AND o.finished_at >= since AND o.status = 'succeeded' GROUP BY 1, 2
        ), totals AS (
            SELECT begin, task, succeeded AS many FROM kept, queueapp_tasktotal
             WHERE width = 1800 AND begin >= since AND succeeded > 0
        )
        SELECT task || ' at ' || begin FROM outcomes o FULL JOIN totals t USING (begin, task)
         WHERE o.many IS DISTINCT FROM t.many""",  # noqa: S608
    "half hours have totals of a flow that miss jobs": f"""
        WITH {_KEPT}, outcomes AS (
            SELECT date_bin('30 min', finished_at, 'epoch') AS begin, coalesce(flow_id, 0) AS flow, count(*) AS many
              FROM kept, queueapp_outcome WHERE number <= counted AND finished_at >= since GROUP BY 1, 2
        )
        SELECT 'flow ' || flow || ' at ' || o.begin FROM outcomes o
          LEFT JOIN queueapp_flowtotal t ON t.width = 1800 AND t.begin = o.begin AND t.flow_id = o.flow
         WHERE coalesce(t.ended, 0) < o.many""",  # noqa: S608
    "days have other totals of an owner than as many jobs have succeeded": f"""
        WITH {_KEPT}, days AS (
            SELECT counted, ((since - interval '30 min') AT TIME ZONE 'UTC')::date + 1 AS first FROM kept
        ), outcomes AS (
            SELECT (finished_at AT TIME ZONE 'UTC')::date AS day, owner_id, count(*) AS many
              FROM days, queueapp_outcome
             WHERE number <= counted AND finished_at >= first::timestamp AT TIME ZONE 'UTC' AND status = 'succeeded'
             GROUP BY 1, 2
        ), totals AS (
            SELECT day, owner_id, sum(succeeded) AS many FROM days, queueapp_ownertotal
             WHERE day >= first GROUP BY 1, 2 HAVING sum(succeeded) > 0
        )
        SELECT 'owner ' || owner_id || ' at ' || day FROM outcomes o FULL JOIN totals t USING (day, owner_id)
         WHERE o.many IS DISTINCT FROM t.many""",  # noqa: S608
}

_MISROUTED = "owners are in another flow, or their flow has other terms, than the priority rules say"


@dataclass(frozen=True)
class Finding:
    """One kind of fault: how many cases, the sentence, and the names of a few cases."""

    many: int
    what: str
    examples: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.examples) + (", ..." if self.many > len(self.examples) else "")
        return f"{self.many:,} {self.what} ({named})."


def audit() -> list[Finding]:
    """Return what is off: nothing, if the queue is sound. Reads every job: minutes on a large table.

    All checks see one snapshot, so work that goes on meanwhile causes no false finding.
    """
    with at_one_moment() as now, connection.cursor() as cursor:
        found = []
        for what, query in _CHECKS.items():
            counted = f"SELECT count(*), (array_agg(name))[:{MAX_EXAMPLES}] FROM ({query}) AS off(name)"  # noqa: S608
            cursor.execute(versioned(counted))
            many, examples = cursor.fetchone()
            if many:
                found.append(Finding(many, what, tuple(map(str, examples))))
        cursor.execute(versioned("SELECT queueapp_routing_due()"))
        if not cursor.fetchone()[0] and (misrouted := _misrouted(now)):
            found.append(Finding(len(misrouted), _MISROUTED, tuple(misrouted[:MAX_EXAMPLES])))
        return found


def _misrouted(now: datetime) -> list[str]:
    """Return the names of owners whose flow, or its terms, are not what the rules say."""
    rules, subjects = PriorityRule.objects.load(), Owner.objects.subjects()
    found = []
    for owner in Owner.objects.filter(flow__isnull=False).select_related("user", "flow__state"):
        assert owner.flow is not None
        said = route(owner.pk, subjects[owner.pk], rules, now)
        if (owner.flow.key, owner.flow.rule_id, owner.flow.state.terms) != (said.key, said.rule, said.terms):
            found.append(owner.name)
    return found
