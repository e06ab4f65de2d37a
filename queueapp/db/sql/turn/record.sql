-- Write what came of jobs: an outcome, or another attempt later.
--   p_flow      the flow that they were in
--   p_outcomes  what came of each job: the type queueapp_job_outcome in migrations/0001_initial.py
-- The owners are locked, shared, from before their outcomes are numbered until the commit. A higher number can be
-- visible before a lower one. A reader that must miss none locks the owner exclusively for a moment: all lower numbers
-- are then committed (snapshots/completions.py). So readers wait, and settlements do not wait for each other.
-- An outcome's time spent is that of all attempts. Returns the processor seconds of these attempts.
-- Locks: each owner (advisory, shared), in no fixed order.
CREATE OR REPLACE FUNCTION queueapp_record(p_flow bigint, p_outcomes queueapp_job_outcome[])
RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
    owners bigint[];
    statuses text[];
    tried_before boolean;
    spent_now double precision;
    earlier double precision[];  -- seconds of earlier attempts, by outcome; null: none had any
BEGIN
    SELECT array_agg(owner), array_agg(status), bool_or(attempt > 1), sum(spent)
      INTO owners, statuses, tried_before, spent_now FROM unnest(p_outcomes);
    IF owners[1] = ALL (owners) THEN
        PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(owners[1]));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(owner))
           FROM (SELECT DISTINCT unnest(owners) AS owner) AS owners;
    END IF;
    IF statuses && ARRAY['failed', 'retry'] THEN
        INSERT INTO queueapp_attempt (job_id, number, started_at, finished_at, time_spent, error, log)
        SELECT job, attempt, clock_timestamp() - make_interval(secs => ago + spent),
               clock_timestamp() - make_interval(secs => ago), spent, error, log
          FROM unnest(p_outcomes)
         WHERE status IN ('failed', 'retry') AND attempt > 0
        ON CONFLICT DO NOTHING;
    END IF;
    IF statuses && ARRAY['retry', 'defer'] THEN
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt, note, moved_to)
        SELECT o.owner, o.job, NULL, clock_timestamp() + make_interval(secs => o.retry), j.duration,
               o.attempt + (o.status = 'retry')::int, CASE WHEN o.status = 'defer' THEN o.message ELSE '' END,
               j.moved_to
          FROM unnest(p_outcomes) AS o, queueapp_job_by_id(o.job) AS j
         WHERE o.status IN ('retry', 'defer');
    END IF;
    IF tried_before THEN  -- separate, as it is rare: the statement below runs in every turn
        earlier := ARRAY(
            SELECT (SELECT sum(a.time_spent) FROM queueapp_attempt a WHERE a.job_id = o.job AND a.number < o.attempt)
              FROM unnest(p_outcomes) WITH ORDINALITY AS o ORDER BY ordinality);
    END IF;
    INSERT INTO queueapp_outcome (job_id, owner_id, flow_id, number, status, attempt, started_at, finished_at,
                                  time_spent, progress, message, result, error, log)
    SELECT job, owner, p_flow, nextval('queueapp_outcome_number'), status, attempt,
           CASE WHEN attempt > 0 THEN clock_timestamp() - make_interval(secs => ago + spent) END,
           clock_timestamp() - make_interval(secs => ago),
           spent + coalesce(earlier[ordinality], 0), progress, message, result, error, log
      FROM unnest(p_outcomes) WITH ORDINALITY
     WHERE status NOT IN ('retry', 'defer')
    ON CONFLICT (job_id) DO NOTHING;
    RETURN spent_now;
END $$;
