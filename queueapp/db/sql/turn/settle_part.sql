-- Settle the finished part of a turn while one of its jobs runs on, and put back what was not started.
--   p_processor, p_turn  the processor and the number of the turn
--   p_keep, p_elapsed    the job that still runs, and the seconds that it has run
--   p_outcomes           what came of the finished jobs: see record.sql
-- Returns false, and changes nothing, if the turn is not the processor's any more or has no jobs left; else true.
-- Locks: the processor's row; then as settle.sql.
CREATE OR REPLACE FUNCTION queueapp_settle_part(
    p_processor bigint, p_turn bigint, p_keep bigint, p_elapsed double precision, p_outcomes queueapp_job_outcome[]
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    asynchronous text := set_config('synchronous_commit', 'off', true);
    p queueapp_processor;
    kept_declared double precision;
    kept_charge double precision;
BEGIN
    SELECT * INTO p FROM queueapp_processor WHERE turn = p_turn FOR NO KEY UPDATE;
    IF p.id IS DISTINCT FROM p_processor OR cardinality(p.jobs) = 0 THEN
        RETURN false;
    END IF;
    SELECT greatest(duration, 1e-6) INTO kept_declared FROM queueapp_job_by_id(p_keep);
    SELECT greatest(kept_declared * least(ratio, 1), p_elapsed) INTO kept_charge FROM queueapp_flowstate
     WHERE flow_id = p.flow_id ORDER BY revision DESC LIMIT 1;
    PERFORM queueapp_settle(p, p_keep, kept_charge, p_outcomes);
    UPDATE queueapp_processor
       SET jobs = ARRAY[p_keep], attempts = ARRAY[attempts[array_position(jobs, p_keep)]],
           charged = kept_charge, declared = kept_declared, worked = p_elapsed, job_id = p_keep,
           cancelling = cancelling AND job_id = p_keep,  -- else an earlier job was to be cancelled
           job_started_at = clock_timestamp() - make_interval(secs => p_elapsed), seen_at = clock_timestamp()
     WHERE turn = p_turn;
    RETURN true;
END $$;
