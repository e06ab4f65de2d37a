-- Add pieces of work to the totals of their tasks.
--   p_pieces  the pieces: see ended.sql
--   p_widths  the widths of all buckets, in seconds
-- Locks: the rows that it writes; the caller has locked the cursor, so nobody else writes them.
CREATE OR REPLACE FUNCTION queueapp_count_tasks(p_pieces queueapp_piece[], p_widths integer[]) RETURNS void
LANGUAGE sql SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
    WITH wide AS (
        SELECT w AS width, make_interval(secs => w) AS long FROM unnest(p_widths) AS w
    ), added(width, begin, task, succeeded, failed, cancelled, retried, spent, steps, starts) AS (
        SELECT width, date_bin(long, ended, 'epoch'), task, count(*) FILTER (WHERE status = 'succeeded'),
               count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'cancelled'),
               count(*) FILTER (WHERE status = 'retried'), sum(coalesce(date_part('epoch', ended - started), 0)),
               NULL::smallint[], NULL::integer[]
          FROM unnest(p_pieces) CROSS JOIN wide GROUP BY 1, 2, 3
         UNION ALL
        SELECT width, begin, task, 0, 0, 0, 0, 0, array_agg(step ORDER BY step), array_agg(many ORDER BY step)
          FROM (SELECT width, date_bin(long, started, 'epoch') AS begin, task,
                       queueapp_wait_step(since, started) AS step, count(*)::int AS many
                  FROM unnest(p_pieces) CROSS JOIN wide
                 WHERE started IS NOT NULL AND since < ended GROUP BY 1, 2, 3, 4) AS s
         GROUP BY 1, 2, 3
    ), summed AS (
        SELECT width, begin, task, sum(succeeded)::int AS succeeded, sum(failed)::int AS failed,
               sum(cancelled)::int AS cancelled, sum(retried)::int AS retried, sum(spent) AS spent,
               max(steps) AS steps, max(starts) AS starts
          FROM added GROUP BY 1, 2, 3
    )
    INSERT INTO queueapp_tasktotal AS t (width, begin, task, succeeded, failed, cancelled, retried, spent, steps,
                                         starts)
    SELECT a.width, a.begin, a.task, a.succeeded, a.failed, a.cancelled, a.retried, a.spent,
           coalesce(s.steps, '{}'), coalesce(s.starts, '{}')
      FROM summed a
      LEFT JOIN queueapp_tasktotal o ON o.width = a.width AND o.begin = a.begin AND o.task = a.task
     CROSS JOIN LATERAL queueapp_merged_steps(a.steps, a.starts, o.steps, o.starts) AS s
    ON CONFLICT (width, begin, task) DO UPDATE
       SET succeeded = t.succeeded + excluded.succeeded, failed = t.failed + excluded.failed,
           cancelled = t.cancelled + excluded.cancelled, retried = t.retried + excluded.retried,
           spent = t.spent + excluded.spent, steps = excluded.steps, starts = excluded.starts
$$;
