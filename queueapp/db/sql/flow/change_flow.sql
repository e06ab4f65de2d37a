-- Change the state of a flow: the only place that does, beside claim.sql. Give what changes, by name.
--   p_cost   processor seconds to charge; negative: to give back
--   p_busy   change of the number of processors at work for it
--   p_first  the first of the jobs that were put into its backlog
--   p_head   its first waiting job, read anew after jobs were taken out
--   p_rests  true: nothing waits in it any more, and nobody is submitting to it
--   p_terms  weight and cap of another rule
--   p_held   whether it lets others go first while its jobs move
-- A flow that becomes ready by that (its backlog was empty, its cap had kept it away, or it was held) joins the others
-- at V: being away saves no credit. From before V is read until the commit, the order lock keeps the order start below.
-- The row is looked for newest first: older versions of it may be dead tuples that nobody can clear away yet.
-- Locks: the flow's state; order (advisory, shared) where it joins.
CREATE OR REPLACE FUNCTION queueapp_change_flow(
    p_flow bigint, p_cost double precision DEFAULT 0, p_busy integer DEFAULT 0, p_first bigint DEFAULT NULL,
    p_head bigint DEFAULT NULL, p_rests boolean DEFAULT false, p_terms queueapp_terms DEFAULT NULL,
    p_held boolean DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flowstate;
    was_ready boolean;
    before bigint;
BEGIN
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = p_flow ORDER BY revision DESC LIMIT 1 FOR NO KEY UPDATE;
    was_ready := f.ready;
    before := f.revision;
    f.vtime := f.vtime + p_cost / f.weight;
    f.busy := f.busy + p_busy;
    f.held := coalesce(p_held, f.held);
    IF p_terms.weight IS NOT NULL THEN
        f.weight := p_terms.weight;
        f.cap := p_terms.cap;
    END IF;
    f.head := coalesce(p_head, least(CASE WHEN f.backlogged OR p_first IS NULL THEN f.head END, p_first));
    f.scan_from := least(f.scan_from, p_first, p_head);
    f.backlogged := (f.backlogged OR p_first IS NOT NULL OR p_head IS NOT NULL) AND NOT p_rests;
    IF NOT was_ready AND f.backlogged AND NOT f.held AND (f.cap IS NULL OR f.busy < f.cap) THEN
        PERFORM pg_advisory_xact_lock_shared(queueapp_order_lock());
        f.vtime := greatest(f.vtime, queueapp_virtual_time());
    END IF;
    UPDATE queueapp_flowstate
       SET revision = before + 1, weight = f.weight, cap = f.cap, vtime = f.vtime, backlogged = f.backlogged,
           busy = f.busy, held = f.held, head = f.head, scan_from = f.scan_from
     WHERE flow_id = p_flow AND revision = before;
END $$;
