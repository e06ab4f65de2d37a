-- Correct the state of a flow: its count of busy processors, a missing backlog, scan_from; with any of these its head.
-- Returns whether something was off. A wrong head alone is not found.
-- A turn begins or ends with the flow's state locked, and state and processor are committed together. So no turn of the
-- flow begins or ends meanwhile. Jobs may be submitted meanwhile, so the flow is woken if need be, but not put to rest.
-- Locks: the flow's state; order (advisory, shared) if the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_recount_flow(p_flow bigint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flowstate;
    at_work integer;
    first_job bigint;
BEGIN
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = p_flow FOR NO KEY UPDATE;
    -- Statements of their own: they see all that was committed before the lock was granted.
    SELECT count(*) INTO at_work FROM queueapp_processor WHERE flow_id = p_flow AND cardinality(jobs) > 0;
    SELECT job_id INTO first_job FROM queueapp_waiting WHERE flow_id = p_flow ORDER BY job_id LIMIT 1;
    IF at_work = f.busy AND (first_job IS NULL OR f.backlogged AND f.scan_from <= first_job) THEN
        RETURN false;
    END IF;
    PERFORM queueapp_change_flow(p_flow, p_busy => at_work - f.busy, p_head => first_job);
    RETURN true;
END $$;
