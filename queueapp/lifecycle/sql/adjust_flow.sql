-- Charge a flow whose row the caller has locked, and let it go on.
--   p_cost   processor seconds to charge; negative: to give back
--   p_busy   change of the number of processors at work for it
--   p_head   the first of the jobs that were put back into its backlog, or null
-- A flow that becomes ready again (its cap had kept it away, or its backlog was empty) rejoins at V like any
-- other that comes back: being away saves no credit.
CREATE OR REPLACE FUNCTION queueapp_adjust_flow(
    f queueapp_flow, p_cost double precision, p_busy integer, p_head bigint
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    waits boolean := f.backlogged OR p_head IS NOT NULL;
    rejoins boolean := NOT f.ready AND NOT f.held AND waits AND (f.cap IS NULL OR f.busy + p_busy < f.cap);
    v double precision := f.vtime + p_cost / f.weight;
BEGIN
    UPDATE queueapp_flow
       SET vtime = CASE WHEN rejoins THEN greatest(v, queueapp_virtual_time()) ELSE v END,
           busy = f.busy + p_busy,
           backlogged = waits,
           head = least(CASE WHEN f.backlogged THEN f.head END, p_head)
     WHERE id = f.id;
END $$;
