-- Note a pending move for jobs that wait in a flow that their owner has left, if there is none: move.sql moves them.
-- Returns how many pending moves were noted.
-- Locks: routing (advisory, exclusive: no owner joins another flow meanwhile); pending moves (inserted).
CREATE OR REPLACE FUNCTION queueapp_move_astray() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    many integer;
BEGIN
    PERFORM queueapp_lock_routing();
    INSERT INTO queueapp_pendingmove (owner_id, flow_id)
    SELECT DISTINCT w.owner_id, w.flow_id FROM queueapp_waiting w JOIN queueapp_owner o ON o.id = w.owner_id
     WHERE w.flow_id IS NOT NULL AND o.flow_id IS NOT NULL AND w.flow_id <> o.flow_id
        ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS many = ROW_COUNT;
    RETURN many;
END $$;
