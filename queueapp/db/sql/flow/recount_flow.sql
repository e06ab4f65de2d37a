-- Make what is known of a flow true: processors at work, its first job, where its scan starts, and whether it has a
-- backlog. Returns whether something was off.
-- Once the state is locked no turn of the flow begins or ends: whoever does that locks the state, too, and commits both
-- together. Jobs may be submitted meanwhile; so a flow is woken here, but not put to rest.
-- Locks: the flow's state, as change_flow.sql.
CREATE OR REPLACE FUNCTION queueapp_recount_flow(p_flow bigint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flowstate;
    at_work integer;
    first_job bigint;
BEGIN
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = p_flow FOR NO KEY UPDATE;
    -- Statements of their own: they see what was committed before the lock was there.
    SELECT count(*) INTO at_work FROM queueapp_processor WHERE flow_id = p_flow AND cardinality(jobs) > 0;
    SELECT job_id INTO first_job FROM queueapp_waiting WHERE flow_id = p_flow ORDER BY job_id LIMIT 1;
    IF at_work = f.busy AND (first_job IS NULL OR f.backlogged AND f.scan_from <= first_job) THEN
        RETURN false;
    END IF;
    PERFORM queueapp_change_flow(p_flow, p_busy => at_work - f.busy, p_head => first_job);
    RETURN true;
END $$;
