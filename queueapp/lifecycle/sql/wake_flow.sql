-- Wake a resting flow that has a backlog; it rejoins at V. Returns whether it was so.
-- Locks: the horizon (advisory, shared), the flow's tally.
CREATE OR REPLACE FUNCTION queueapp_wake_flow(p_flow bigint) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    PERFORM queueapp_join_order();
    UPDATE queueapp_tally
       SET version = version + 1, backlogged = true, vtime = greatest(vtime, queueapp_virtual_time()),
           head = (SELECT min(job_id) FROM queueapp_waiting WHERE flow_id = p_flow)
     WHERE flow_id = p_flow AND NOT backlogged
       AND EXISTS (SELECT FROM queueapp_waiting WHERE flow_id = p_flow);
    RETURN FOUND;
END $$;
