-- The work of each flow over a span that is cut into slices, asked for and done, and how long its jobs waited.
--   begin, until           the span, not beyond now
--   first, last_ended      no job with a lower id ended since the span began, and none with a higher one
--   last                   no job with a higher id was submitted in the span
--   length, width, slices  seconds of the span and of one slice; the number of slices
--   most                   the number of flows that are told apart: those that got the most
-- One row per flow: its id (0: unknown; null: all flows beyond the first `most`, as one) and how many flows that is;
-- steps of waits, and how many started jobs had waited that long; weight and cap; got, active, present and asked, each
-- an array of seconds, one per slice, as in policy/shares.py.
-- Locks: none.

-- 1. All work, piece by piece: its flow, the number of jobs, since when it was due, when it started and ended, and its
-- processor seconds. A piece is one attempt at one job. All jobs that wait in a flow are one piece, as old as the
-- oldest of the first ten. A job is due since it was submitted, since the start that was asked for, or since its last
-- attempt ended: the latest of these. It counts for the flow that it was in last. Attempts before its last one count
-- for its owner's present flow.
WITH found(flow, jobs, since, started, ended, seconds) AS (
    SELECT o.flow_id, 1, greatest(j.submitted_at, j.run_at, b.finished_at), o.started_at, o.finished_at,
           coalesce(date_part('epoch', o.finished_at - o.started_at), j.duration)
      FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id
      LEFT JOIN queueapp_attempt b ON b.job_id = o.job_id AND b.number = o.attempt - 1
     WHERE o.finished_at > %(begin)s AND j.id >= %(first)s AND j.id <= %(last_ended)s
     UNION ALL
    SELECT queueapp_owner.flow_id, 1, greatest(j.submitted_at, j.run_at, b.finished_at), a.started_at, a.finished_at,
           date_part('epoch', a.finished_at - a.started_at)
      FROM queueapp_attempt a JOIN queueapp_job j ON j.id = a.job_id JOIN queueapp_owner ON queueapp_owner.id = j.owner_id
      LEFT JOIN queueapp_attempt b ON b.job_id = a.job_id AND b.number = a.number - 1
     WHERE a.finished_at > %(begin)s AND a.job_id <= %(last)s
           -- The last attempt at a failed job is its outcome, too.
       AND NOT EXISTS (SELECT FROM queueapp_outcome o WHERE o.job_id = a.job_id AND o.attempt = a.number)
     UNION ALL
    SELECT p.flow_id, 1, greatest(j.submitted_at, j.run_at, b.finished_at), r.started, now(),
           greatest(j.duration, date_part('epoch', now() - r.started))
      FROM queueapp_processor p CROSS JOIN unnest(p.jobs, p.attempts) AS turn(job, attempt)
      JOIN queueapp_job j ON j.id = turn.job
      LEFT JOIN queueapp_attempt b ON b.job_id = turn.job AND b.number = turn.attempt - 1
     CROSS JOIN LATERAL (
           -- A processor whose lease ran out may not be at work.
           SELECT CASE WHEN j.id = p.job_id AND p.lease_until > now() THEN p.job_started_at END AS started) AS r
     UNION ALL
    SELECT w.flow_id, w.jobs, oldest.since, NULL, now(), w.seconds
      FROM (SELECT flow_id, count(*)::int AS jobs, sum(expected) AS seconds
              FROM queueapp_waiting WHERE flow_id IS NOT NULL AND job_id <= %(last)s GROUP BY flow_id) AS w
     CROSS JOIN LATERAL (
           -- To find the oldest of all would read a row of queueapp_job for each of them.
           SELECT min(greatest(j.submitted_at, j.run_at, b.finished_at)) AS since
             FROM (SELECT job_id, attempt FROM queueapp_waiting
                    WHERE flow_id = w.flow_id AND job_id <= %(last)s ORDER BY job_id LIMIT 10) AS head
             JOIN queueapp_job j ON j.id = head.job_id
             LEFT JOIN queueapp_attempt b ON b.job_id = head.job_id AND b.number = head.attempt - 1) AS oldest
),

-- 2. The same in seconds since the span began, without the work done before.
work AS (
    SELECT coalesce(flow, 0) AS flow, jobs, date_part('epoch', since - %(begin)s) AS since,
           date_part('epoch', started - %(begin)s) AS start, date_part('epoch', ended - %(begin)s) AS until,
           seconds - greatest(date_part('epoch', %(begin)s - started), 0) AS asked
      FROM found WHERE since < least(ended, %(until)s)
),

-- 3. Cut to the span. `reach`: until when earlier pieces kept the flow active. `step`: how long a job that started in
-- the span had waited, as 50 times the logarithm of the seconds. Counting steps is far faster than sorting millions of
-- waits.
cut AS (
    SELECT flow, jobs, asked, greatest(since, 0) AS since, least(until, %(length)s) AS until,
           CASE WHEN start >= 0 AND start < %(length)s
                THEN round(50 * ln(greatest(start - since, 0.001)))::int END AS step,
           CASE WHEN start IS NOT NULL THEN least(greatest(start, 0), %(length)s) END AS start,
           least(coalesce(max(until) OVER earlier, 0), %(length)s) AS reach
      FROM work
    WINDOW earlier AS (PARTITION BY flow ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),

-- 4. The changes in each slice: by how many the jobs present and the processors at work grow or shrink, and whether the
-- flow becomes active or idle; each with the sum of the moments at which it does. Every flow has every slice.
changes AS (
    SELECT flow, slice, sum(present) AS present, sum(present_at) AS present_at, sum(got) AS got,
           sum(got_at) AS got_at, sum(active) AS active, sum(active_at) AS active_at, sum(asked) AS asked
      FROM (
           SELECT flow, floor(since / %(width)s)::int, sum(jobs)::float8, sum(jobs * since), 0, 0, 0, 0, sum(asked)
             FROM cut GROUP BY 1, 2
            UNION ALL
           SELECT flow, floor(start / %(width)s)::int, 0, 0, count(*), sum(start), 0, 0, 0
             FROM cut WHERE start IS NOT NULL GROUP BY 1, 2
            UNION ALL
           SELECT flow, floor(until / %(width)s)::int, -sum(jobs), -sum(jobs * until), -count(start),
                  -coalesce(sum(until) FILTER (WHERE start IS NOT NULL), 0), 0, 0, 0
             FROM cut GROUP BY 1, 2
            UNION ALL
           SELECT flow, floor(greatest(since, reach) / %(width)s)::int, 0, 0, 0, 0, count(*),
                  sum(greatest(since, reach)), 0
             FROM cut WHERE until > reach GROUP BY 1, 2
            UNION ALL
           SELECT flow, floor(until / %(width)s)::int, 0, 0, 0, 0, -count(*), -sum(until), 0
             FROM cut WHERE until > reach GROUP BY 1, 2
            UNION ALL
           SELECT flow, slice, 0, 0, 0, 0, 0, 0, 0 FROM (SELECT DISTINCT flow FROM cut) AS flows
            CROSS JOIN generate_series(0, %(slices)s - 1) AS slice
           ) AS every(flow, slice, present, present_at, got, got_at, active, active_at, asked)
     WHERE slice < %(slices)s
     GROUP BY flow, slice
),

-- 5. The sums in each slice: the count before it for its whole width, and each change from its moment on.
counted AS (
    SELECT flow, slice, asked,
           greatest(coalesce(sum(present) OVER before, 0) * %(width)s
                    + present * (slice + 1) * %(width)s - present_at, 0) AS present,
           greatest(coalesce(sum(got) OVER before, 0) * %(width)s
                    + got * (slice + 1) * %(width)s - got_at, 0) AS got,
           greatest(coalesce(sum(active) OVER before, 0) * %(width)s
                    + active * (slice + 1) * %(width)s - active_at, 0) AS active
      FROM changes
    WINDOW before AS (PARTITION BY flow ORDER BY slice ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),

-- 6. The flows beyond the first `most` become one flow of weight 1, here -1, which claims what they claim together.
ranked AS (
    SELECT flow, CASE WHEN rank() OVER (ORDER BY sum(got) DESC, flow) <= %(most)s THEN flow ELSE -1 END AS place
      FROM counted GROUP BY flow
), sliced AS (
    SELECT place, slice, count(*) AS many, min(CASE WHEN place >= 0 THEN coalesce(t.weight, 1) ELSE 1 END) AS weight,
           min(CASE WHEN place >= 0 THEN t.cap END) AS cap, sum(got) AS got, sum(present) AS present,
           sum(asked) AS asked, sum(CASE WHEN place >= 0 THEN active ELSE active * coalesce(t.weight, 1) END) AS active
      FROM counted JOIN ranked USING (flow) LEFT JOIN queueapp_flowstate t ON t.flow_id = flow
     GROUP BY place, slice
), told AS (
    SELECT place, min(many) AS many, min(weight) AS weight, min(cap) AS cap,
           array_agg(got ORDER BY slice) AS got, array_agg(active ORDER BY slice) AS active,
           array_agg(present ORDER BY slice) AS present, array_agg(asked ORDER BY slice) AS asked
      FROM sliced GROUP BY place
), waited AS (
    SELECT place, array_agg(step) AS steps, array_agg(started) AS started FROM (
        SELECT place, step, count(*)::int AS started
          FROM cut JOIN ranked USING (flow) WHERE step IS NOT NULL GROUP BY place, step
    ) AS by_step GROUP BY place
)
SELECT nullif(place, -1), many, coalesce(steps, '{}'), coalesce(started, '{}'), weight, cap, got, active, present, asked
  FROM told LEFT JOIN waited USING (place)
