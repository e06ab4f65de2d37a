-- Let the flows of an owner that are held take part again, unless jobs of the owner are still to be moved.
-- Locks: the flows' states, by flow, as change_flow.sql.
CREATE OR REPLACE FUNCTION queueapp_release_flow(p_owner bigint) RETURNS void
LANGUAGE sql AS $$
    SELECT queueapp_change_flow(held.id, p_held => false)
      FROM (SELECT f.id FROM queueapp_flow f JOIN queueapp_flowstate s ON s.flow_id = f.id
             WHERE f.owner_id = p_owner AND s.held
               AND NOT EXISTS (SELECT FROM queueapp_pendingmove m WHERE m.owner_id = p_owner)
             ORDER BY f.id) AS held
$$;
