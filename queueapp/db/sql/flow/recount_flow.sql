-- Correct the state of a flow: its count of busy processors, a missing backlog, scan_from, its head. Returns whether
-- something was off. A head that was cancelled, or that a job committed late comes before, stays until the next claim.
-- A turn begins or ends with the flow's state locked, and state and processor are committed together. So no turn of the
-- flow begins or ends meanwhile. Jobs may be submitted meanwhile, so the flow is woken if need be, but not put to rest.
-- Locks: the flow's state; order (advisory, shared) if the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_recount_flow(p_flow bigint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flowstate;
    at_work integer;
    first record;
    wrong_head boolean;
BEGIN
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = p_flow FOR NO KEY UPDATE;
    -- Statements of their own: they see all that was committed before the lock was granted.
    SELECT count(*) INTO at_work FROM queueapp_processor WHERE flow_id = p_flow AND cardinality(jobs) > 0;
    SELECT job_id, moved_to, queueapp_place_of(moved_to, job_id) AS place INTO first FROM queueapp_waiting
     WHERE flow_id = p_flow ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT 1;
    wrong_head := first.job_id IS DISTINCT FROM f.head AND (first.moved_to IS NOT NULL OR first.job_id > f.head)
        AND EXISTS (SELECT FROM queueapp_job_by_id(f.head) AS j
                      JOIN queueapp_waiting w ON w.owner_id = j.owner_id AND w.job_id = j.id WHERE w.flow_id = p_flow);
    IF at_work = f.busy AND (first.place IS NULL OR f.backlogged AND f.scan_from <= first.place AND wrong_head IS NOT TRUE) THEN
        RETURN false;
    END IF;
    PERFORM queueapp_change_flow(p_flow, p_busy => at_work - f.busy, p_first => first.place);
    RETURN true;
END $$;
