-- What one owner used on certain days (UTC), by day and task: the owner's totals, and what ended since they were
-- written. A day and task may have two rows, to be added up. See count_owners.sql for what counts for which day.
--   p_owner  the owner
--   p_days   the days
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_used(p_owner bigint, p_days date[])
RETURNS TABLE (
    day date, task text, succeeded bigint, failed bigint, cancelled bigint, spent double precision
)
-- A few rows among very many, whatever the statistics say: each by its keys. Only the index by owner and number has the
-- order of outcomes that is asked for.
LANGUAGE sql STABLE SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_sort = off AS $$
    WITH ended AS (
        SELECT o.job_id, o.finished_at, o.status,
               CASE WHEN a.job_id IS NULL THEN date_part('epoch', o.finished_at - o.started_at) END AS spent
          FROM (SELECT * FROM queueapp_outcome
                 WHERE owner_id = p_owner AND number > coalesce((SELECT outcomes FROM queueapp_totalscursor), 0)
                 ORDER BY owner_id, number OFFSET 0) AS o
          LEFT JOIN queueapp_attempt a ON a.job_id = o.job_id AND a.number = o.attempt
         UNION ALL
        SELECT a.job_id, a.finished_at, NULL, a.time_spent
          FROM queueapp_attempt a WHERE a.id > coalesce((SELECT attempts FROM queueapp_totalscursor), 0)
    )
    SELECT t.day, t.task, t.succeeded, t.failed, t.cancelled, t.spent
      FROM queueapp_ownertotal t WHERE t.day = ANY (p_days) AND t.owner_id = p_owner
     UNION ALL
    SELECT (e.finished_at AT TIME ZONE 'UTC')::date, j.task, count(*) FILTER (WHERE e.status = 'succeeded'),
           count(*) FILTER (WHERE e.status = 'failed'), count(*) FILTER (WHERE e.status = 'cancelled'),
           coalesce(sum(e.spent), 0)
      FROM ended e CROSS JOIN LATERAL queueapp_job_by_id(e.job_id) AS j
     WHERE j.owner_id = p_owner AND (e.finished_at AT TIME ZONE 'UTC')::date = ANY (p_days) GROUP BY 1, 2
$$;
