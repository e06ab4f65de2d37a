-- Make what is known of a flow true: processors at work, its first job, where its scan starts, and whether it has a
-- backlog. A flow that becomes ready by that rejoins at V. Returns whether something was off. Once the state is locked
-- no turn of the flow begins or ends: whoever does that locks the state, too, and commits both together. Jobs may be
-- submitted meanwhile; so a flow is woken here, but not put to rest. Locks: order (advisory, shared), the flow's state.
CREATE OR REPLACE FUNCTION queueapp_recount_flow(p_flow bigint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    t queueapp_flowstate;
    at_work integer;
    first_job bigint;
    is_ready boolean;
BEGIN
    PERFORM queueapp_join_order();
    SELECT * INTO t FROM queueapp_flowstate WHERE flow_id = p_flow FOR NO KEY UPDATE;
    -- Statements of their own: they see what was committed before the lock was there.
    SELECT count(*) INTO at_work FROM queueapp_processor WHERE flow_id = p_flow AND cardinality(jobs) > 0;
    SELECT job_id INTO first_job FROM queueapp_waiting WHERE flow_id = p_flow ORDER BY job_id LIMIT 1;
    IF at_work = t.busy AND (first_job IS NULL OR t.backlogged AND t.scan_from <= first_job) THEN
        RETURN false;
    END IF;
    is_ready := NOT t.held AND (t.backlogged OR first_job IS NOT NULL) AND (t.cap IS NULL OR at_work < t.cap);
    UPDATE queueapp_flowstate
       SET revision = t.revision + 1, busy = at_work, backlogged = t.backlogged OR first_job IS NOT NULL,
           head = coalesce(first_job, t.head), scan_from = least(t.scan_from, first_job),
           vtime = CASE WHEN is_ready AND NOT t.ready THEN greatest(t.vtime, queueapp_virtual_time()) ELSE t.vtime END
     WHERE flow_id = p_flow AND revision = t.revision;
    RETURN FOUND;
END $$;
