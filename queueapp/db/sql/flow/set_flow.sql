-- Give a flow the terms of another rule: weight and cap. One that a wider cap makes ready again rejoins at V.
-- The caller holds routing (advisory, exclusive). Locks: order (advisory, shared), the order start, the flow state, the
-- flow.
CREATE OR REPLACE FUNCTION queueapp_set_flow(
    p_flow bigint, p_rule bigint, p_weight double precision, p_cap smallint
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    t queueapp_flowstate;
BEGIN
    -- With less weight, what turns under way have not cost is worth more: the order start begins anew.
    PERFORM queueapp_join_order();
    UPDATE queueapp_orderstart SET vtime = '-infinity';
    SELECT * INTO t FROM queueapp_flowstate WHERE flow_id = p_flow FOR NO KEY UPDATE;
    UPDATE queueapp_flowstate
       SET revision = t.revision + 1, weight = p_weight, cap = p_cap,
           vtime = CASE WHEN NOT t.ready AND NOT t.held AND t.backlogged AND (p_cap IS NULL OR t.busy < p_cap)
                        THEN greatest(t.vtime, queueapp_virtual_time()) ELSE t.vtime END
     WHERE flow_id = p_flow AND revision = t.revision;
    UPDATE queueapp_flow SET rule_id = p_rule WHERE id = p_flow;
END $$;
