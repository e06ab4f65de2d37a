-- Raise the order start: the virtual time at which claims start to scan. No flow is ready below it, now or later.
--   p_anew  look at all flows, whatever the order start says
-- The new value is V or less: never above the value that a running flow would have if its turns had cost no more than
-- is known by now. A flow that becomes ready holds the order lock, shared, from before it reads V until its commit. So
-- none is joining here.
-- Returns false, and changes nothing, while others hold the order lock; else true.
-- Locks: order (advisory, exclusive, only tried); the order start.
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
    -- One statement, so that flows and turns are of one snapshot.
    SELECT least(queueapp_virtual_time(), min(t.vtime - at_work.unspent / t.weight)) INTO least_vtime
      FROM (SELECT flow_id, sum(charged - worked) AS unspent FROM queueapp_processor
             WHERE job_id IS NOT NULL GROUP BY flow_id) AS at_work
      JOIN queueapp_flowstate t ON t.flow_id = at_work.flow_id;
    -- A margin for rounding: far above the error of years of charges, far below the cost of a job.
    INSERT INTO queueapp_orderstart (id, vtime) VALUES (1, least_vtime - 1e-6 - 1e-9 * abs(least_vtime))
    ON CONFLICT (id) DO UPDATE SET vtime = greatest(queueapp_orderstart.vtime, excluded.vtime);
    RETURN true;
END $$;
