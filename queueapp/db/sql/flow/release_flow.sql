-- Let the held flows of an owner take part again, unless a move of the owner's jobs is pending.
-- Locks: the flows' states, by flow, each as change_flow.sql.
CREATE OR REPLACE FUNCTION queueapp_release_flow(p_owner bigint) RETURNS void
LANGUAGE sql AS $$
    SELECT queueapp_change_flow(held.id, p_held => false)
      FROM (SELECT f.id FROM queueapp_flow f JOIN queueapp_flowstate s ON s.flow_id = f.id
             WHERE f.owner_id = p_owner AND s.held
               AND NOT EXISTS (SELECT FROM queueapp_pendingmove m WHERE m.owner_id = p_owner)
             ORDER BY f.id) AS held
$$;
