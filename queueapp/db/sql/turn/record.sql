-- Write what came of jobs: an outcome, or another attempt later. Outcomes are numbered while every owner among them is
-- locked, shared, until the commit. One of a higher number may be seen before: a reader that is to miss none locks the
-- owner for a moment, and has then waited for all that were numbered before it (snapshots/completions.py). So whoever
-- reads waits, and no settlement for another.
--   p_flow  the flow that they were in
--   the others, each with an element for every job: the job, its owner, how it ended, which attempt that was, the
--   processor seconds of this attempt, the seconds since it ended, progress, message, result, error, and log (what it
--   printed, and its traceback). Status 'retry': this attempt failed, and the next may start in p_retries seconds.
--   'defer': it was not started, and waits for so long, for the reason in its message.
-- The time spent on an outcome is that of all attempts.
-- Locks: each owner (advisory, shared).
CREATE OR REPLACE FUNCTION queueapp_record(
    p_flow bigint, p_jobs bigint[], p_owners bigint[], p_statuses text[], p_attempts smallint[],
    p_spent double precision[], p_ago double precision[], p_progress double precision[], p_messages text[],
    p_results jsonb[], p_errors text[], p_logs text[], p_retries double precision[]
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    totals double precision[] := p_spent;
BEGIN
    IF p_owners[1] = ALL (p_owners) THEN
        PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(p_owners[1]));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(owner))
           FROM (SELECT DISTINCT unnest(p_owners) AS owner) AS owners;
    END IF;
    IF 'failed' = ANY (p_statuses) OR 'retry' = ANY (p_statuses) THEN
        INSERT INTO queueapp_attempt (job_id, number, started_at, finished_at, time_spent, error, log)
        SELECT o.job, o.attempt, clock_timestamp() - make_interval(secs => o.ago + o.spent),
               clock_timestamp() - make_interval(secs => o.ago), o.spent, o.error, o.log
          FROM unnest(p_jobs, p_statuses, p_attempts, p_spent, p_ago, p_errors, p_logs)
               AS o(job, status, attempt, spent, ago, error, log)
         WHERE o.status IN ('failed', 'retry') AND o.attempt > 0
        ON CONFLICT DO NOTHING;
    END IF;
    IF p_statuses && ARRAY['retry', 'defer'] THEN
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt, note)
        SELECT o.owner, o.job, NULL, clock_timestamp() + make_interval(secs => o.retry), j.duration,
               o.attempt + (o.status = 'retry')::int, CASE WHEN o.status = 'defer' THEN o.message ELSE '' END
          FROM unnest(p_jobs, p_owners, p_statuses, p_attempts, p_messages, p_retries)
               AS o(job, owner, status, attempt, message, retry),
               queueapp_job_by_id(o.job) AS j
         WHERE o.status IN ('retry', 'defer');
    END IF;
    IF 1 < ANY (p_attempts) THEN  -- apart, as it is seldom so: the statement below is begun for every turn
        totals := ARRAY(
            SELECT o.spent + coalesce((SELECT sum(a.time_spent) FROM queueapp_attempt a
                                        WHERE a.job_id = o.job AND a.number < o.attempt), 0)
              FROM unnest(p_jobs, p_attempts, p_spent) WITH ORDINALITY AS o(job, attempt, spent, n) ORDER BY n);
    END IF;
    INSERT INTO queueapp_outcome (job_id, owner_id, flow_id, number, status, attempt, started_at, finished_at,
                                  time_spent, progress, message, result, error, log)
    SELECT o.job, o.owner, p_flow, nextval('queueapp_outcome_number'), o.status, o.attempt,
           CASE WHEN o.attempt > 0 THEN clock_timestamp() - make_interval(secs => o.ago + o.spent) END,
           clock_timestamp() - make_interval(secs => o.ago),
           o.total, o.progress, o.message, o.result, o.error, o.log
      FROM unnest(p_jobs, p_owners, p_statuses, p_attempts, p_spent, totals, p_ago, p_progress, p_messages, p_results,
                  p_errors, p_logs)
           AS o(job, owner, status, attempt, spent, total, ago, progress, message, result, error, log)
     WHERE o.status NOT IN ('retry', 'defer')
    ON CONFLICT (job_id) DO NOTHING;
END $$;
