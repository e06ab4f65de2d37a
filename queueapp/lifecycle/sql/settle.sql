-- Record what came of a turn, or of the part of it that is over.
--   p_processor, p_turn  whose turn; an older turn than the processor's present one changes nothing
--   p_keep               the job that still runs, or null: the turn is over
--   p_elapsed            seconds that p_keep has run
--   p_jobs and on        what came of the jobs that are over, as record.sql takes it
-- Jobs of the turn that are neither recorded nor kept have not been started: they go back to their places at once.
-- The flow is charged for what was really spent instead of what had been expected.
-- Returns whether the lease still stood. Locks: the processor's row, the owners (record.sql), last the flow's row, which
-- claims are waiting for.
CREATE OR REPLACE FUNCTION queueapp_settle(
    p_processor bigint, p_turn bigint, p_keep bigint, p_elapsed double precision,
    p_jobs bigint[], p_owners bigint[], p_statuses text[], p_attempts smallint[], p_spent double precision[],
    p_ago double precision[], p_progress double precision[], p_messages text[], p_results jsonb[], p_errors text[],
    p_retries double precision[]
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    asynchronous text := set_config('synchronous_commit', 'off', true);
    p queueapp_processor;
    spent double precision := 0;
    one double precision;
    back_from bigint;
    kept_charge double precision := 0;
BEGIN
    -- 1. The lease: only a rescue takes a turn away, and it locks the processor's row, too.
    SELECT * INTO p FROM queueapp_processor
     WHERE id = p_processor AND turn = p_turn AND cardinality(jobs) > 0 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- 2. The processor: between turns, or still at work on one job.
    IF p_keep IS NULL THEN
        UPDATE queueapp_processor
           SET jobs = '{}', attempts = '{}', charged = 0, job_id = NULL, job_started_at = NULL, progress = 0,
               message = '', seen_at = clock_timestamp()
         WHERE id = p_processor;
    ELSE
        SELECT greatest(duration, p_elapsed) INTO kept_charge FROM queueapp_job WHERE id = p_keep;
        UPDATE queueapp_processor
           SET jobs = ARRAY[p_keep], attempts = ARRAY[attempts[array_position(jobs, p_keep)]],
               charged = kept_charge, job_id = p_keep,
               job_started_at = clock_timestamp() - make_interval(secs => p_elapsed), seen_at = clock_timestamp()
         WHERE id = p_processor;
    END IF;

    -- 3. What came of the jobs.
    IF cardinality(p_jobs) > 0 THEN
        PERFORM queueapp_record(p.flow_id, p_jobs, p_owners, p_statuses, p_attempts, p_spent, p_ago, p_progress,
                                p_messages, p_results, p_errors, p_retries);
    END IF;

    -- 4. What was not started goes back.
    IF cardinality(p.jobs) > cardinality(p_jobs) + (p_keep IS NOT NULL)::int THEN
        PERFORM FROM queueapp_flow WHERE id = p.flow_id FOR NO KEY UPDATE;
        back_from := queueapp_put_back(p, p_jobs || coalesce(p_keep, 0));
    END IF;

    -- 5. The flow.
    FOREACH one IN ARRAY p_spent LOOP
        spent := spent + one;
    END LOOP;
    PERFORM queueapp_adjust_flow(p.flow_id, spent + kept_charge - p.charged, -(p_keep IS NULL)::int, back_from);
    RETURN true;
END $$;
