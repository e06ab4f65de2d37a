-- A sign of life: extends the lease, shows progress, and charges a job that outruns what it declared as it goes.
--   p_turn     the turn that it is in; null: whichever, it is between turns
--   p_elapsed  seconds that the present job has run; 0 between turns
-- Returns null where the lease was lost, else whether the present job is to stop.
-- Locks: the processor's row, then the flow's tally where there is something to charge.
CREATE OR REPLACE FUNCTION queueapp_heartbeat(
    p_processor bigint, p_turn bigint, p_elapsed double precision, p_progress double precision, p_message text,
    p_lease double precision
) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    asynchronous text := set_config('synchronous_commit', 'off', true);
    p queueapp_processor;
BEGIN
    IF p_turn IS NULL THEN
        SELECT * INTO p FROM queueapp_processor WHERE id = p_processor FOR NO KEY UPDATE;
    ELSE
        SELECT * INTO p FROM queueapp_processor WHERE turn = p_turn FOR NO KEY UPDATE;
    END IF;
    IF p.id IS DISTINCT FROM p_processor THEN
        RETURN NULL;
    END IF;
    -- A turn that its processor knows nothing of: the answer to a claim was lost with the connection. Unless the
    -- processor asks again, and gives the turn back, its lease must run out.
    IF p_turn IS NULL AND cardinality(p.jobs) > 0 THEN
        RETURN false;
    END IF;
    UPDATE queueapp_processor
       SET seen_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => p_lease),
           charged = CASE WHEN cardinality(p.jobs) = 1 THEN greatest(p.charged, p_elapsed) ELSE p.charged END,
           worked = greatest(p.worked, p_elapsed), progress = p_progress, message = p_message
     WHERE turn = p.turn;
    IF cardinality(p.jobs) = 1 AND p_elapsed > p.charged THEN
        UPDATE queueapp_tally SET version = version + 1, vtime = vtime + (p_elapsed - p.charged) / weight
         WHERE flow_id = p.flow_id;
    END IF;
    RETURN p.cancelling;
END $$;
