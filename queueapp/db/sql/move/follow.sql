-- Users join other flows. What waits in the flows that they leave is noted, to be moved; and held back where that keeps
-- its order: a flow of the user's own, whether joined or left.
--   p_users, p_flows  the users, and the flow that each joins
-- The caller holds routing (advisory, exclusive). Locks: the states of own flows, by flow; the users' rows.
CREATE OR REPLACE FUNCTION queueapp_follow(p_users bigint[], p_flows bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    leaving bigint[];
BEGIN
    WITH noted AS (
        INSERT INTO queueapp_pendingmove (user_id, flow_id)
        SELECT u.id, u.flow_id FROM queueapp_user u JOIN unnest(p_users, p_flows) AS w(id, flow) ON w.id = u.id
         WHERE u.flow_id <> w.flow
           AND EXISTS (SELECT FROM queueapp_waiting q WHERE q.owner_id = u.id AND q.flow_id = u.flow_id)
            ON CONFLICT (user_id, flow_id) DO UPDATE SET flow_id = excluded.flow_id
        RETURNING user_id
    )
    SELECT array_agg(user_id) INTO leaving FROM noted;
    PERFORM queueapp_change_flow(own.id, p_held => true)
       FROM (SELECT id FROM queueapp_flow WHERE user_id = ANY (leaving) ORDER BY id) AS own;
    UPDATE queueapp_user u SET flow_id = w.flow
      FROM unnest(p_users, p_flows) AS w(id, flow) WHERE u.id = w.id AND u.flow_id IS DISTINCT FROM w.flow;
END $$;
