-- Extend the lease of a turn and store its progress. The only job of a turn is charged as it outruns its declaration.
--   p_turn     the turn's number: the fencing token
--   p_elapsed  seconds that the present job has run
--   p_lease    seconds until the lease runs out
-- Returns 'lost' if the turn is not the processor's any more. Otherwise returns what the processor is to do: 'cancel'
-- (stop the present job), 'drain' (its cluster is being stopped), or 'go on'.
-- Locks: the processor's row; the flow's state if there is something to charge.
CREATE OR REPLACE FUNCTION queueapp_heartbeat(
    p_processor bigint, p_turn bigint, p_elapsed double precision, p_progress double precision, p_message text,
    p_lease double precision
) RETURNS text
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    asynchronous text := set_config('synchronous_commit', 'off', true);
    p queueapp_processor;
BEGIN
    SELECT * INTO p FROM queueapp_processor WHERE turn = p_turn FOR NO KEY UPDATE;
    IF p.id IS DISTINCT FROM p_processor THEN
        RETURN 'lost';
    END IF;
    UPDATE queueapp_processor
       SET seen_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => p_lease),
           charged = CASE WHEN cardinality(p.jobs) = 1 THEN greatest(p.charged, p_elapsed) ELSE p.charged END,
           worked = greatest(p.worked, p_elapsed), progress = p_progress, message = p_message
     WHERE turn = p.turn;
    IF cardinality(p.jobs) = 1 AND p_elapsed > p.charged THEN
        PERFORM queueapp_change_flow(p.flow_id, p_elapsed - p.charged);
    END IF;
    RETURN CASE WHEN p.cancelling THEN 'cancel' WHEN p.draining THEN 'drain' ELSE 'go on' END;
END $$;
