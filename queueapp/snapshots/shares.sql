-- The work of each flow over a span that is cut into slices, asked for and done.
--   begin, until     the span; begin is a multiple of the width, and until too, unless it is now
--   width            seconds of a slice, which is a bucket of totals
--   last             no job with a higher id was submitted in the span
--   most             the number of flows that are told apart: those that got the most
-- One row per flow: its id (0: unknown; null: all flows beyond the first `most`, as one), how many flows that is, its
-- weight and cap; before and after, as below; slices in no order, some of them twice, and for each of them got, active,
-- asked, change and area, as in models/total.py, which add up; steps of waits of what is not in the totals, and how
-- many had waited that long.
-- Locks: none.

-- 1. What is not in the totals: what ended of late, what runs, and what waits. All jobs that wait in a flow are one
-- piece, as old as its first job by submission; if that one waited for a moment, as old as the oldest of the first ten.
WITH counted AS (
    SELECT coalesce(max(outcomes), 0) AS outcomes, coalesce(max(attempts), 0) AS attempts FROM queueapp_totalscursor
), work AS (
    SELECT ended.* FROM counted, queueapp_ended(outcomes, 9223372036854775807, attempts, 9223372036854775807) AS ended
     UNION ALL
    SELECT coalesce(p.flow_id, 0), j.task, 1, greatest(j.submitted_at, j.run_at, b.finished_at), r.started, now(),
           greatest(j.duration, date_part('epoch', now() - r.started)), 'running'
      FROM queueapp_processor p CROSS JOIN unnest(p.jobs, p.attempts) AS turn(job, attempt)
      JOIN queueapp_job j ON j.id = turn.job
      LEFT JOIN queueapp_attempt b ON b.job_id = turn.job AND b.number = turn.attempt - 1
     CROSS JOIN LATERAL (
           -- A processor whose lease ran out may not be at work.
           SELECT CASE WHEN j.id = p.job_id AND p.lease_until > now() THEN p.job_started_at END AS started) AS r
     UNION ALL
    SELECT w.flow_id, '', w.jobs, head.since, NULL, now(), w.seconds, 'queued'
      FROM (SELECT flow_id, count(*)::int AS jobs, sum(expected) AS seconds, min(job_id) AS oldest
              FROM queueapp_waiting WHERE flow_id IS NOT NULL AND job_id <= %(last)s GROUP BY flow_id) AS w
     CROSS JOIN LATERAL (
           SELECT CASE WHEN oldest.attempt = 1 AND j.run_at IS NULL THEN j.submitted_at ELSE (
                      -- It may have come back to its place. To find the oldest of all would read each one's job.
                      SELECT min(greatest(j.submitted_at, j.run_at, b.finished_at))
                        FROM (SELECT job_id, attempt FROM queueapp_waiting
                               WHERE flow_id = w.flow_id AND job_id <= %(last)s
                               ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT 10) AS next
                        JOIN queueapp_job j ON j.id = next.job_id
                        LEFT JOIN queueapp_attempt b ON b.job_id = next.job_id AND b.number = next.attempt - 1
                  ) END AS since
             FROM queueapp_job_by_id(w.oldest) AS j
             JOIN queueapp_waiting oldest ON oldest.owner_id = j.owner_id AND oldest.job_id = j.id) AS head
), uncounted AS MATERIALIZED (
    SELECT * FROM queueapp_added(
        ARRAY(SELECT work::queueapp_piece FROM work), ARRAY[%(width)s::int], %(begin)s)
),

-- 2. What each flow has in each slice. `after`: the change in all slices that come after the span. `before`: processor
-- seconds that the pieces asked for that were present when the span began, less those that they had got by then. These
-- were given later, or dropped.
cells AS (
    SELECT flow_id AS flow, begin, got, active, change::float8 AS change, area, asked, dropped
      FROM queueapp_flowtotal WHERE width = %(width)s AND begin >= %(begin)s
     UNION ALL
    SELECT flow, begin, got, active, change, area, asked, dropped FROM uncounted
), flows AS (
    SELECT flow, sum(got + dropped - asked) AS before, sum(got) FILTER (WHERE begin < %(until)s) AS sum_got,
           coalesce(sum(change) FILTER (WHERE begin >= %(until)s), 0) AS after,
           array_agg((date_part('epoch', begin - %(begin)s) / %(width)s)::int)
               FILTER (WHERE begin < %(until)s) AS slices,
           array_agg(got) FILTER (WHERE begin < %(until)s) AS got,
           array_agg(active) FILTER (WHERE begin < %(until)s) AS active,
           array_agg(asked) FILTER (WHERE begin < %(until)s) AS asked,
           array_agg(change) FILTER (WHERE begin < %(until)s) AS change,
           array_agg(area) FILTER (WHERE begin < %(until)s) AS area
      FROM cells GROUP BY flow HAVING sum(active) FILTER (WHERE begin < %(until)s) > 0
), ranked AS (
    SELECT f.*, coalesce(t.weight, 1) AS weight, t.cap, row_number() OVER (ORDER BY sum_got DESC, flow) AS place
      FROM flows f LEFT JOIN queueapp_flowstate t ON t.flow_id = flow
),

-- 3. The flows beyond the first `most` become one flow of weight 1, which claims what they claim together.
told AS (
    SELECT flow, 1 AS many, weight, cap, before, after, slices, got, active, asked, change, area
      FROM ranked WHERE place <= %(most)s
     UNION ALL
    SELECT -1, many, 1, NULL, before, after, slices, got, active, asked, change, area
      FROM (SELECT count(*) AS many, sum(before) AS before, sum(after) AS after FROM ranked WHERE place > %(most)s) AS f
     CROSS JOIN (
           SELECT array_agg(slice) AS slices, array_agg(got) AS got, array_agg(active) AS active,
                  array_agg(asked) AS asked, array_agg(change) AS change, array_agg(area) AS area
             FROM (SELECT c.slice, sum(c.got) AS got, sum(c.active * weight) AS active, sum(c.asked) AS asked,
                          sum(c.change) AS change, sum(c.area) AS area
                     FROM ranked CROSS JOIN LATERAL unnest(slices, got, active, asked, change, area)
                          AS c(slice, got, active, asked, change, area)
                    WHERE place > %(most)s GROUP BY c.slice) AS c) AS sums
     WHERE many > 0
), waited AS (
    SELECT flow, array_agg(step) AS steps, array_agg(many) AS starts
      FROM (SELECT CASE WHEN place <= %(most)s THEN flow ELSE -1 END AS flow, step, sum(many)::int AS many
              FROM uncounted JOIN ranked USING (flow) CROSS JOIN LATERAL unnest(steps, starts) AS s(step, many)
             WHERE begin < %(until)s GROUP BY 1, 2) AS s
     GROUP BY flow
)
SELECT nullif(flow, -1), many, weight, cap, greatest(before, 0), after, slices, got, active, asked, change, area,
       coalesce(steps, '{}'), coalesce(starts, '{}')
  FROM told LEFT JOIN waited USING (flow)
