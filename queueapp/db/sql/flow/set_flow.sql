-- Give a flow the terms of another rule.
--   p_rule, p_terms  the rule (null: none), and its weight and cap
-- The caller holds routing (advisory, exclusive).
-- Locks: order (advisory, shared); the order start; the flow's state; the flow's row.
CREATE OR REPLACE FUNCTION queueapp_set_flow(p_flow bigint, p_rule bigint, p_terms queueapp_terms) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- With less weight, the refund of a running turn is worth more virtual time: reset the order start.
    PERFORM pg_advisory_xact_lock_shared(queueapp_order_lock());
    UPDATE queueapp_orderstart SET vtime = '-infinity';
    PERFORM queueapp_change_flow(p_flow, p_terms => p_terms);
    UPDATE queueapp_flow SET rule_id = p_rule WHERE id = p_flow;
END $$;
