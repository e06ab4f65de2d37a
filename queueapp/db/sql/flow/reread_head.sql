-- Set the head of a flow that waiting jobs have been taken out of by other than a claim: ties are decided by it.
--   p_may_rest  nobody is submitting to it: it rests where nothing waits in it. Else it keeps its head, and goes to rest
--               at its next claim.
-- The caller has locked the flow's state. Locks: none further.
CREATE OR REPLACE FUNCTION queueapp_reread_head(p_flow bigint, p_may_rest boolean) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flowstate;
    first_job bigint;
BEGIN
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = p_flow ORDER BY revision DESC LIMIT 1;
    SELECT job_id INTO first_job FROM queueapp_waiting WHERE flow_id = p_flow ORDER BY job_id LIMIT 1;
    IF f.backlogged AND (first_job IS DISTINCT FROM f.head AND first_job IS NOT NULL
                         OR first_job IS NULL AND p_may_rest) THEN
        PERFORM queueapp_change_flow(p_flow, p_head => first_job, p_rests => first_job IS NULL);
    END IF;
END $$;
