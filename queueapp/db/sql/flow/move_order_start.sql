-- Raise the order start to where the look for the next flow can begin: no flow is ready below it, now or later.
--   p_anew  look at all flows, whatever the order start says
-- That is V, or less: what a flow at work would have if its turns had cost no more than is known of them by now.
-- Whoever joins the ready flows otherwise than by the end of a turn holds the lock shared, from before it looks at V
-- until its commit; so none is under way here. Returns whether it was raised: not while somebody joins.
-- Locks: order (advisory, exclusive, tried; then its row).
CREATE OR REPLACE FUNCTION queueapp_move_order_start(p_anew boolean) RETURNS boolean
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    least_vtime double precision;
BEGIN
    IF NOT pg_try_advisory_xact_lock(queueapp_order_lock()) THEN
        RETURN false;
    END IF;
    IF p_anew THEN
        UPDATE queueapp_orderstart SET vtime = '-infinity';
    END IF;
    -- Flows and turns of one moment, and so in one statement.
    SELECT least(queueapp_virtual_time(), min(t.vtime - at_work.unspent / t.weight)) INTO least_vtime
      FROM (SELECT flow_id, sum(charged - worked) AS unspent FROM queueapp_processor
             WHERE job_id IS NOT NULL GROUP BY flow_id) AS at_work
      JOIN queueapp_flowstate t ON t.flow_id = at_work.flow_id;
    -- A little less, as sums are rounded: far more than those of charges of years are, far less than jobs cost.
    INSERT INTO queueapp_orderstart (id, vtime) VALUES (1, least_vtime - 1e-6 - 1e-9 * abs(least_vtime))
    ON CONFLICT (id) DO UPDATE SET vtime = greatest(queueapp_orderstart.vtime, excluded.vtime);
    RETURN true;
END $$;
