-- The pieces of work that have ended and were recorded after certain ones: attempts at jobs.
--   p_outcomes, p_outcomes_to  outcomes with numbers above the first and up to the second
--   p_attempts, p_attempts_to  attempts, the same by their ids
-- Each attempt is in one of both tables, or in both: then the attempt counts. A piece is due since the job was
-- submitted, since the start that was asked for, or since its last attempt ended: the latest of these. An outcome and
-- its attempt count for the flow that the job was in last, earlier attempts for its owner's present flow. Seconds:
-- those that it took; of one that never started, those declared. Status: that of the job; 'retried' if another
-- attempt followed.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_ended(
    p_outcomes bigint, p_outcomes_to bigint, p_attempts bigint, p_attempts_to bigint
) RETURNS SETOF queueapp_piece
-- A few outcomes among very many, whatever the statistics say: each by its keys. Only the index by number has the order
-- of outcomes that is asked for.
LANGUAGE sql STABLE SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_sort = off AS $$
    SELECT coalesce(o.flow_id, 0), j.task, 1, greatest(j.submitted_at, j.run_at, b.finished_at), o.started_at,
           o.finished_at, coalesce(extract(epoch FROM o.finished_at - o.started_at), j.duration)::float8, o.status
      FROM (SELECT * FROM queueapp_outcome
             WHERE number > p_outcomes AND number <= p_outcomes_to ORDER BY number OFFSET 0) AS o
     CROSS JOIN LATERAL queueapp_job_by_id(o.job_id) AS j
      LEFT JOIN queueapp_attempt b ON b.job_id = o.job_id AND b.number = o.attempt - 1
     WHERE NOT EXISTS (SELECT FROM queueapp_attempt a WHERE a.job_id = o.job_id AND a.number = o.attempt)
     UNION ALL
    SELECT coalesce(CASE WHEN o.job_id IS NULL THEN w.flow_id ELSE o.flow_id END, 0), j.task, 1,
           greatest(j.submitted_at, j.run_at, b.finished_at), a.started_at, a.finished_at,
           extract(epoch FROM a.finished_at - a.started_at)::float8,
           coalesce(o.status, 'retried')
      FROM queueapp_attempt a CROSS JOIN LATERAL queueapp_job_by_id(a.job_id) AS j
      JOIN queueapp_owner w ON w.id = j.owner_id
      LEFT JOIN queueapp_outcome o ON o.job_id = a.job_id AND o.attempt = a.number
      LEFT JOIN queueapp_attempt b ON b.job_id = a.job_id AND b.number = a.number - 1
     WHERE a.id > p_attempts AND a.id <= p_attempts_to
$$;
