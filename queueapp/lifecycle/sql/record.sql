-- Write what came of jobs: an outcome, or another attempt later. Outcomes are numbered while every owner among them is locked until the commit, so that one owner's
-- outcomes are numbered in the order in which they can be seen: a reader that asks for all after the last number
-- it saw misses none.
--   p_flow      the flow that they were in
--   p_outcomes  [{"job", "owner", "status", "attempt", "spent", "ago", "progress", "message", "result", "error",
--               "retry"}]; spent: processor seconds of this attempt; ago: seconds since it ended; status 'retry': this
--               attempt failed, the next may start in `retry` seconds
-- The time spent on an outcome is that of all attempts.
-- Locks: each owner (advisory), lowest first.
CREATE OR REPLACE FUNCTION queueapp_record(p_flow bigint, p_outcomes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7202, owner) FROM (
        SELECT DISTINCT o.owner FROM jsonb_to_recordset(p_outcomes) AS o(owner int) ORDER BY o.owner
    ) AS owners;
    IF p_outcomes @> '[{"status": "failed"}]' OR p_outcomes @> '[{"status": "retry"}]' THEN
        INSERT INTO queueapp_attempt (job_id, number, started_at, finished_at, time_spent, error)
        SELECT o.job, o.attempt, clock_timestamp() - make_interval(secs => o.ago + o.spent),
               clock_timestamp() - make_interval(secs => o.ago), o.spent, o.error
          FROM jsonb_to_recordset(p_outcomes) AS o(
               job bigint, status text, attempt smallint, spent double precision, ago double precision, error text)
         WHERE o.status IN ('failed', 'retry') AND o.attempt > 0
        ON CONFLICT DO NOTHING;
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt)
        SELECT o.owner, o.job, NULL, clock_timestamp() + make_interval(secs => o.retry), j.duration, o.attempt + 1
          FROM jsonb_to_recordset(p_outcomes) AS o(
               job bigint, owner bigint, status text, attempt smallint, retry double precision)
          JOIN queueapp_job j ON j.id = o.job
         WHERE o.status = 'retry';
    END IF;
    INSERT INTO queueapp_outcome (job_id, owner_id, flow_id, number, status, attempt, started_at, finished_at,
                                  time_spent, progress, message, result, error)
    SELECT o.job, o.owner, p_flow, nextval('queueapp_outcome_number'), o.status, o.attempt,
           CASE WHEN o.attempt > 0 THEN clock_timestamp() - make_interval(secs => o.ago + o.spent) END,
           clock_timestamp() - make_interval(secs => o.ago),
           o.spent + CASE WHEN o.attempt > 1 THEN coalesce((
               SELECT sum(a.time_spent) FROM queueapp_attempt a WHERE a.job_id = o.job AND a.number < o.attempt), 0)
               ELSE 0 END,
           o.progress, o.message, o.result, o.error
      FROM jsonb_to_recordset(p_outcomes) AS o(
           job bigint, owner bigint, status text, attempt smallint, spent double precision, ago double precision,
           progress double precision, message text, result jsonb, error text)
     WHERE o.status <> 'retry'
    ON CONFLICT (job_id) DO NOTHING;
END $$;
