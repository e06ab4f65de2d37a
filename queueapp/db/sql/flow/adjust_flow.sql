-- Charge a flow, and let it go on: one statement, from the row as it is once it is locked.
--   p_cost   processor seconds to charge; negative: to give back
--   p_busy   change of the number of processors at work for it
--   p_head   the first of the jobs that were put back into its backlog, or null
-- A flow that becomes ready again (its cap had kept it away, or its backlog was empty) rejoins at V like any
-- other that comes back: being away saves no credit.
-- Locks: the flow's state.
CREATE OR REPLACE FUNCTION queueapp_adjust_flow(
    p_flow bigint, p_cost double precision, p_busy integer, p_head bigint
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    UPDATE queueapp_flowstate
       SET revision = revision + 1,
           vtime = CASE WHEN NOT ready AND NOT held AND (backlogged OR p_head IS NOT NULL)
                             AND (cap IS NULL OR busy + p_busy < cap)
                        THEN greatest(vtime + p_cost / weight, queueapp_virtual_time())
                        ELSE vtime + p_cost / weight END,
           busy = busy + p_busy,
           backlogged = backlogged OR p_head IS NOT NULL,
           head = least(CASE WHEN backlogged THEN head END, p_head),
           scan_from = least(scan_from, p_head)
     WHERE flow_id = p_flow
       AND revision >= (SELECT revision FROM queueapp_flowstate WHERE flow_id = p_flow ORDER BY revision DESC LIMIT 1);
END $$;
