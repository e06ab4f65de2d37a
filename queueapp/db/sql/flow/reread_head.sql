-- Set the head of a flow after something other than a claim took waiting jobs out of it. The head breaks ties.
--   p_may_rest  nobody submits to the flow: it rests if nothing waits in it. Otherwise such a flow keeps its head, and
--               its next claim puts it to rest.
-- The caller has locked the flow's state.
-- Locks: none further.
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
