-- Let the flows of a user that are held take part again, at V, unless jobs of the user are still left over elsewhere.
-- Locks: order (advisory, shared), the flows' states.
CREATE OR REPLACE FUNCTION queueapp_release_flow(p_user bigint) RETURNS void
LANGUAGE sql AS $$
    SELECT queueapp_join_order();
    UPDATE queueapp_flowstate t
       SET revision = revision + 1, held = false,
           vtime = CASE WHEN backlogged AND (cap IS NULL OR busy < cap)
                        THEN greatest(vtime, queueapp_virtual_time()) ELSE vtime END
      FROM queueapp_flow f
     WHERE f.user_id = p_user AND t.flow_id = f.id AND held
       AND NOT EXISTS (SELECT FROM queueapp_pendingmove l WHERE l.user_id = p_user)
$$;
