-- Record what came of a turn, or of the part of it that is over.
--   p_processor, p_turn  whose turn; an older turn than the processor's present one changes nothing
--   p_keep               the job that still runs, or null: the turn is over
--   p_elapsed            seconds that p_keep has run
--   p_jobs and on        what came of the jobs that are over, as record.sql takes it
-- Jobs of the turn that are neither recorded nor kept have not been started: they go back to their places at once.
-- The flow is charged for what was really spent instead of what had been expected.
-- Returns whether the lease still stood. Locks: the flow's row, the processor's row, the owners (record.sql).
CREATE OR REPLACE FUNCTION queueapp_settle(
    p_processor bigint, p_turn bigint, p_keep bigint, p_elapsed double precision,
    p_jobs bigint[], p_owners bigint[], p_statuses text[], p_attempts smallint[], p_spent double precision[],
    p_ago double precision[], p_progress double precision[], p_messages text[], p_results jsonb[], p_errors text[],
    p_retries double precision[]
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    its record;
    spent double precision := 0;
    one double precision;
    back_from bigint;
    kept_charge double precision := 0;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);

    -- 1. Flow before processor. Only a rescue takes a turn away, and it holds the flow's lock, too: what the processor
    -- has of the turn stands until this commits, where it still stands in step 2.
    -- From the processor to the flow, whatever the planner thinks of their sizes.
    SELECT l.f, p INTO its
      FROM queueapp_processor p
     CROSS JOIN LATERAL (SELECT f FROM queueapp_flow f WHERE f.id = p.flow_id FOR NO KEY UPDATE) AS l(f)
     WHERE p.id = p_processor AND p.turn = p_turn AND cardinality(p.jobs) > 0;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- 2. The processor: between turns, or still at work on one job. This also makes sure that the lease stands.
    IF p_keep IS NULL THEN
        UPDATE queueapp_processor
           SET jobs = '{}', attempts = '{}', charged = 0, job_id = NULL, job_started_at = NULL, progress = 0,
               message = '', seen_at = clock_timestamp()
         WHERE id = p_processor AND turn = p_turn AND cardinality(jobs) > 0;
    ELSE
        SELECT greatest(duration, p_elapsed) INTO kept_charge FROM queueapp_job WHERE id = p_keep;
        UPDATE queueapp_processor
           SET jobs = ARRAY[p_keep], attempts = ARRAY[attempts[array_position(jobs, p_keep)]],
               charged = kept_charge, job_id = p_keep,
               job_started_at = clock_timestamp() - make_interval(secs => p_elapsed), seen_at = clock_timestamp()
         WHERE id = p_processor AND turn = p_turn AND cardinality(jobs) > 0;
    END IF;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- 3. What came of the jobs.
    IF cardinality(p_jobs) > 0 THEN
        PERFORM queueapp_record((its.f).id, p_jobs, p_owners, p_statuses, p_attempts, p_spent, p_ago, p_progress,
                                p_messages, p_results, p_errors, p_retries);
    END IF;

    -- 4. What was not started goes back.
    IF cardinality((its.p).jobs) > cardinality(p_jobs) + (p_keep IS NOT NULL)::int THEN
        back_from := queueapp_put_back(its.p, p_jobs || coalesce(p_keep, 0));
    END IF;

    -- 5. The flow.
    FOREACH one IN ARRAY p_spent LOOP
        spent := spent + one;
    END LOOP;
    PERFORM queueapp_adjust_flow(its.f, spent + kept_charge - (its.p).charged, -(p_keep IS NULL)::int, back_from);
    RETURN true;
END $$;
