-- Let owners join other flows. Jobs that wait in the flows left are noted as pending moves. The own flows of the owners
-- of such jobs are held: jobs that move to or from an owner's own flow keep their order.
--   p_owners, p_flows  the owners, and the flow that each joins
-- The caller holds routing (advisory, exclusive).
-- Locks: the pending moves (inserted, or locked if there); the states of these own flows, by flow; the owners' rows.
CREATE OR REPLACE FUNCTION queueapp_follow(p_owners bigint[], p_flows bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    leaving bigint[];
BEGIN
    WITH noted AS (
        INSERT INTO queueapp_pendingmove (owner_id, flow_id)
        SELECT o.id, o.flow_id FROM queueapp_owner o JOIN unnest(p_owners, p_flows) AS w(id, flow) ON w.id = o.id
         WHERE o.flow_id <> w.flow
           AND EXISTS (SELECT FROM queueapp_waiting q WHERE q.owner_id = o.id AND q.flow_id = o.flow_id)
            ON CONFLICT (owner_id, flow_id) DO UPDATE SET flow_id = excluded.flow_id
        RETURNING owner_id
    )
    SELECT array_agg(owner_id) INTO leaving FROM noted;
    PERFORM queueapp_change_flow(own.id, p_held => true)
       FROM (SELECT id FROM queueapp_flow WHERE owner_id = ANY (leaving) ORDER BY id) AS own;
    UPDATE queueapp_owner o SET flow_id = w.flow
      FROM unnest(p_owners, p_flows) AS w(id, flow) WHERE o.id = w.id AND o.flow_id IS DISTINCT FROM w.flow;
END $$;
