-- Add what ended to the totals of owners, by day (UTC) and task.
--   p_outcomes, p_outcomes_to, p_attempts, p_attempts_to  which outcomes and attempts: see ended.sql
-- Jobs count for the day on which they ended, seconds for the day on which the attempt that took them ended.
-- Locks: the rows that it writes; the caller has locked the cursor, so nobody else writes them.
CREATE OR REPLACE FUNCTION queueapp_count_owners(
    p_outcomes bigint, p_outcomes_to bigint, p_attempts bigint, p_attempts_to bigint
) RETURNS void
-- As in ended.sql.
LANGUAGE sql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off AS $$
    WITH ended AS (
        -- An attempt that failed is in both tables: its seconds are those of the attempt.
        SELECT o.job_id, o.finished_at, o.status,
               CASE WHEN a.job_id IS NULL THEN date_part('epoch', o.finished_at - o.started_at) END AS spent
          FROM (SELECT * FROM queueapp_outcome
                 WHERE number > p_outcomes AND number <= p_outcomes_to ORDER BY number OFFSET 0) AS o
          LEFT JOIN queueapp_attempt a ON a.job_id = o.job_id AND a.number = o.attempt
         UNION ALL
        SELECT job_id, finished_at, NULL, time_spent FROM queueapp_attempt WHERE id > p_attempts AND id <= p_attempts_to
    )
    INSERT INTO queueapp_ownertotal AS t (day, owner_id, task, succeeded, failed, cancelled, spent)
    SELECT (e.finished_at AT TIME ZONE 'UTC')::date, j.owner_id, j.task, count(*) FILTER (WHERE status = 'succeeded'),
           count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'cancelled'),
           coalesce(sum(e.spent), 0)
      FROM ended e CROSS JOIN LATERAL queueapp_job_by_id(e.job_id) AS j GROUP BY 1, 2, 3
    ON CONFLICT (day, owner_id, task) DO UPDATE
       SET succeeded = t.succeeded + excluded.succeeded, failed = t.failed + excluded.failed,
           cancelled = t.cancelled + excluded.cancelled, spent = t.spent + excluded.spent
$$;
