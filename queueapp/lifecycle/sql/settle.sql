-- Record what came of a turn, or of the part of it that is over.
--   p_processor, p_turn  whose turn; an older turn than the processor's present one changes nothing
--   p_outcomes           see record.sql
--   p_keep               the job that still runs, or null: the turn is over
--   p_elapsed            seconds that p_keep has run
-- Jobs of the turn that are neither recorded nor kept have not been started: they go back to their places at once.
-- The flow is charged for what was really spent instead of what had been expected.
-- Returns whether the lease still stood. Locks: the flow's row, the processor's row, the owners (record.sql).
CREATE OR REPLACE FUNCTION queueapp_settle(
    p_processor bigint, p_turn bigint, p_outcomes jsonb, p_keep bigint, p_elapsed double precision
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flow;
    p queueapp_processor;
    settled bigint[];
    spent double precision;
    back_from bigint;
    kept_charge double precision := 0;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);

    -- 1. Flow before processor, then make sure that the lease still stands.
    SELECT fl.* INTO f FROM queueapp_flow fl JOIN queueapp_processor pr ON pr.flow_id = fl.id
     WHERE pr.id = p_processor AND pr.turn = p_turn AND cardinality(pr.jobs) > 0 FOR NO KEY UPDATE OF fl;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO p FROM queueapp_processor
     WHERE id = p_processor AND turn = p_turn AND cardinality(jobs) > 0 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- 2. What came of the jobs.
    SELECT coalesce(array_agg(o.job), '{}'), coalesce(sum(o.spent), 0) INTO settled, spent
      FROM jsonb_to_recordset(p_outcomes) AS o(job bigint, spent double precision);
    PERFORM queueapp_record(f.id, p_outcomes);

    -- 3. What was not started goes back.
    IF cardinality(p.jobs) > cardinality(settled) + (p_keep IS NOT NULL)::int THEN
        back_from := queueapp_put_back(p, settled || coalesce(p_keep, 0));
    END IF;

    -- 4. The processor: between turns, or still at work on one job.
    IF p_keep IS NULL THEN
        UPDATE queueapp_processor
           SET jobs = '{}', attempts = '{}', charged = 0, job_id = NULL, job_started_at = NULL, progress = 0,
               message = '', seen_at = clock_timestamp()
         WHERE id = p.id;
    ELSE
        SELECT greatest(duration, p_elapsed) INTO kept_charge FROM queueapp_job WHERE id = p_keep;
        UPDATE queueapp_processor
           SET jobs = ARRAY[p_keep], attempts = ARRAY[p.attempts[array_position(p.jobs, p_keep)]],
               charged = kept_charge, job_id = p_keep,
               job_started_at = clock_timestamp() - make_interval(secs => p_elapsed), seen_at = clock_timestamp()
         WHERE id = p.id;
    END IF;

    -- 5. The flow.
    PERFORM queueapp_adjust_flow(f, spent + kept_charge - p.charged, -(p_keep IS NULL)::int, back_from);
    RETURN true;
END $$;
