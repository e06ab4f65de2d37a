-- Change the state of a flow. Only this function and claim.sql update it. The arguments say what changes, by name:
--   p_cost   processor seconds to charge; negative: a refund
--   p_busy   change of the number of processors that work for the flow
--   p_first  the least place of the jobs that were put into its backlog, or moved in it
--   p_reread whether jobs were taken out of its backlog otherwise than by a claim
--   p_rests  nobody submits to the flow: after p_reread it rests if nothing waits in it. Otherwise it keeps its head,
--            and its next claim puts it to rest
--   p_terms  weight and cap of another rule
--   p_held   whether the flow is held: it lets others go first while its jobs move
--   p_spent, p_declared  processor seconds that ended jobs took, and those that they had declared: the ratio of the two
--            is learned, with a memory of about sixteen turns, from a millionth to a million; nothing is learned from
--            none declared
-- A flow that becomes ready (it rested, was at its cap, or was held) joins at V: being away saves no credit. It takes
-- the order lock before it reads V and keeps it until the commit, so that the order start cannot pass it.
-- With p_first or p_reread the head is read again: the id of the first job in the order of places. It breaks ties, and
-- is no place, so that moving a job to the front wins none.
-- The lookup begins with the newest revision: older ones may be dead tuples that VACUUM cannot remove yet.
-- Locks: the flow's state; order (advisory, shared) if the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_change_flow(
    p_flow bigint, p_cost double precision DEFAULT 0, p_busy integer DEFAULT 0, p_first bigint DEFAULT NULL,
    p_reread boolean DEFAULT false, p_rests boolean DEFAULT false, p_terms queueapp_terms DEFAULT NULL,
    p_held boolean DEFAULT NULL, p_spent double precision DEFAULT 0, p_declared double precision DEFAULT 0
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f queueapp_flowstate;
    was_ready boolean;
    before bigint;
    remembered double precision;
    first_job bigint;
BEGIN
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = p_flow ORDER BY revision DESC LIMIT 1 FOR NO KEY UPDATE;
    was_ready := f.ready;
    before := f.revision;
    f.vtime := f.vtime + p_cost / f.weight;
    f.busy := f.busy + p_busy;
    f.held := coalesce(p_held, f.held);
    IF p_declared > 0 THEN
        remembered := f.learned_from * 0.9375;
        f.learned_from := remembered + p_declared;
        f.ratio := least(greatest((f.ratio * remembered + p_spent) / f.learned_from, 1e-6), 1e6);
    END IF;
    IF p_terms.weight IS NOT NULL THEN
        f.weight := p_terms.weight;
        f.cap := p_terms.cap;
    END IF;
    IF p_first IS NOT NULL OR p_reread THEN
        f.scan_from := least(f.scan_from, p_first);
        SELECT job_id INTO first_job FROM queueapp_waiting
         WHERE flow_id = p_flow AND queueapp_place_of(moved_to, job_id) >= f.scan_from
         ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT 1;
        f.head := coalesce(first_job, f.head);
        f.backlogged := first_job IS NOT NULL OR f.backlogged AND NOT p_rests;
    END IF;
    IF NOT was_ready AND f.backlogged AND NOT f.held AND (f.cap IS NULL OR f.busy < f.cap) THEN
        PERFORM pg_advisory_xact_lock_shared(queueapp_order_lock());
        f.vtime := greatest(f.vtime, queueapp_virtual_time());
    END IF;
    UPDATE queueapp_flowstate
       SET revision = before + 1, weight = f.weight, cap = f.cap, vtime = f.vtime, backlogged = f.backlogged,
           busy = f.busy, held = f.held, head = f.head, scan_from = f.scan_from, ratio = f.ratio,
           learned_from = f.learned_from
     WHERE flow_id = p_flow AND revision = before;
END $$;
