-- Give a flow the terms of another rule: weight and cap. One that a wider cap makes ready again rejoins at V.
-- Locks: the flow's row.
CREATE OR REPLACE FUNCTION queueapp_set_flow(
    p_flow bigint, p_rule bigint, p_weight double precision, p_cap smallint
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    f queueapp_flow;
BEGIN
    -- With less weight, what turns under way have not cost is worth more: the horizon begins anew.
    PERFORM queueapp_join_order();
    UPDATE queueapp_horizon SET vtime = '-infinity';
    SELECT * INTO f FROM queueapp_flow WHERE id = p_flow FOR NO KEY UPDATE;
    UPDATE queueapp_flow
       SET rule_id = p_rule, weight = p_weight, cap = p_cap,
           vtime = CASE WHEN NOT f.ready AND NOT f.held AND f.backlogged AND (p_cap IS NULL OR f.busy < p_cap)
                        THEN greatest(f.vtime, queueapp_virtual_time()) ELSE f.vtime END
     WHERE id = p_flow;
END $$;
