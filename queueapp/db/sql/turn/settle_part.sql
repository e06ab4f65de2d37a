-- Record the part of a turn that is over while one of its jobs runs on, and put back what was not started.
--   p_processor, p_turn  whose turn; where it is not the processor's any more, nothing changes
--   p_keep, p_elapsed    the job that still runs, and the seconds that it has run
--   p_outcomes           what came of the jobs that are over, as record.sql takes it
-- Returns whether the lease still stood. Locks: the processor's row, then as settle.sql.
CREATE OR REPLACE FUNCTION queueapp_settle_part(
    p_processor bigint, p_turn bigint, p_keep bigint, p_elapsed double precision, p_outcomes queueapp_job_outcome[]
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    asynchronous text := set_config('synchronous_commit', 'off', true);
    p queueapp_processor;
    kept_charge double precision;
BEGIN
    SELECT * INTO p FROM queueapp_processor WHERE turn = p_turn FOR NO KEY UPDATE;
    IF p.id IS DISTINCT FROM p_processor OR cardinality(p.jobs) = 0 THEN
        RETURN false;
    END IF;
    SELECT greatest(duration, p_elapsed) INTO kept_charge FROM queueapp_job_by_id(p_keep);
    PERFORM queueapp_settle(p, p_keep, kept_charge, p_outcomes);
    UPDATE queueapp_processor
       SET jobs = ARRAY[p_keep], attempts = ARRAY[attempts[array_position(jobs, p_keep)]],
           charged = kept_charge, worked = p_elapsed, job_id = p_keep,
           cancelling = cancelling AND job_id = p_keep,  -- it was the job before that was cancelled
           job_started_at = clock_timestamp() - make_interval(secs => p_elapsed), seen_at = clock_timestamp()
     WHERE turn = p_turn;
    RETURN true;
END $$;
