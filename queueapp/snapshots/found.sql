-- Everything that was to do in a span, piece by piece: which flow's, how many jobs, since when it had to be done, when
-- that was started and ended, and how many processor seconds it takes. A piece is one attempt at one job, but all
-- that waits in a flow is one piece, as old as its oldest. The beginning of shares.sql and of waits.sql.
--   begin, until  the span, not beyond now
--   last          no job with a greater id was submitted in the span
--
-- A job had to be done since it was submitted, since the start that was asked for, or since its last attempt ended.
-- It counts for the flow that it was in last; attempts before its last one, for its owner's flow of now.
WITH found(flow, jobs, since, started, ended, seconds) AS (
    SELECT o.flow_id, 1, greatest(j.submitted_at, j.run_at, b.finished_at), o.started_at, o.finished_at,
           coalesce(date_part('epoch', o.finished_at - o.started_at), j.duration)
      FROM queueapp_outcome o JOIN queueapp_job j ON j.id = o.job_id
      LEFT JOIN queueapp_attempt b ON b.job_id = o.job_id AND b.number = o.attempt - 1
     WHERE o.finished_at > %(begin)s AND o.job_id <= %(last)s
     UNION ALL
    SELECT u.flow_id, 1, greatest(j.submitted_at, j.run_at, b.finished_at), a.started_at, a.finished_at,
           date_part('epoch', a.finished_at - a.started_at)
      FROM queueapp_attempt a JOIN queueapp_job j ON j.id = a.job_id JOIN queueapp_user u ON u.id = j.owner_id
      LEFT JOIN queueapp_attempt b ON b.job_id = a.job_id AND b.number = a.number - 1
     WHERE a.finished_at > %(begin)s AND a.job_id <= %(last)s
           -- The last attempt at a job that failed is there once more, as its outcome.
       AND NOT EXISTS (SELECT FROM queueapp_outcome o WHERE o.job_id = a.job_id AND o.attempt = a.number)
     UNION ALL
    SELECT p.flow_id, 1, greatest(j.submitted_at, j.run_at, b.finished_at), r.started, now(),
           greatest(j.duration, date_part('epoch', now() - r.started))
      FROM queueapp_processor p CROSS JOIN unnest(p.jobs, p.attempts) AS turn(job, attempt)
      JOIN queueapp_job j ON j.id = turn.job
      LEFT JOIN queueapp_attempt b ON b.job_id = turn.job AND b.number = turn.attempt - 1
     CROSS JOIN LATERAL (
           -- Of a processor that gives no sign of life nobody knows that it works.
           SELECT CASE WHEN j.id = p.job_id AND p.lease_until > now() THEN p.job_started_at END AS started) AS r
     UNION ALL
    SELECT w.flow_id, count(*)::int, min(greatest(j.submitted_at, j.run_at, b.finished_at)), NULL, now(),
           sum(w.expected)
      FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
      LEFT JOIN queueapp_attempt b ON b.job_id = w.job_id AND b.number = w.attempt - 1
     WHERE w.flow_id IS NOT NULL AND w.job_id <= %(last)s
     GROUP BY w.flow_id
)
