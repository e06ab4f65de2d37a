-- Move waiting jobs that are in a flow that their owner has left, keeping their places in time.
--   p_most  maximum number of jobs
-- Works off one pending move, an owner and the flow left, per call. Returns how many jobs were moved; null: nothing is
-- left over, or others are at it. Locks: routing (advisory, shared: a change of routes would else not see, as left
-- behind, what is moved just now), the pending move (a locked one is skipped), by flow the
-- states of the flows left and joined, the waiting rows; after the last batch the owner's own flow's state
-- (release_flow.sql).
--
-- The order of the owner's jobs is kept while they are in two flows: into a flow of the owner's own the last move first,
-- and it is held until the first have moved, or run, too; out of a flow of the owner's own the first move first, and
-- it is held. Only from one shared flow into another, more jobs than one batch may pass each other.
CREATE OR REPLACE FUNCTION queueapp_move(p_most integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    lo queueapp_pendingmove;
    joining bigint;
    own boolean;
    moving bigint[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());
    SELECT * INTO lo FROM queueapp_pendingmove ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT flow_id INTO joining FROM queueapp_owner WHERE id = lo.owner_id;
    PERFORM FROM queueapp_flowstate WHERE flow_id IN (lo.flow_id, joining) ORDER BY flow_id FOR NO KEY UPDATE;
    SELECT owner_id IS NOT NULL INTO own FROM queueapp_flow WHERE id = joining;

    IF joining <> lo.flow_id AND own THEN
        moving := ARRAY(SELECT job_id FROM queueapp_waiting
                         WHERE owner_id = lo.owner_id AND flow_id = lo.flow_id ORDER BY job_id DESC LIMIT p_most);
    ELSIF joining <> lo.flow_id THEN
        moving := ARRAY(SELECT job_id FROM queueapp_waiting
                         WHERE owner_id = lo.owner_id AND flow_id = lo.flow_id ORDER BY job_id LIMIT p_most);
    END IF;
    UPDATE queueapp_waiting SET flow_id = joining
     WHERE owner_id = lo.owner_id AND job_id = ANY (moving) AND flow_id = lo.flow_id;

    -- The one they left has another head; the flow they join wakes if it rested.
    IF cardinality(moving) > 0 THEN
        PERFORM queueapp_reread_head(lo.flow_id, p_may_rest => false);
        PERFORM queueapp_change_flow(joining, p_first => (SELECT min(job_id) FROM unnest(moving) AS m(job_id)));
    END IF;
    IF cardinality(moving) < p_most THEN
        DELETE FROM queueapp_pendingmove WHERE id = lo.id;
        PERFORM queueapp_release_flow(lo.owner_id);
    END IF;
    RETURN cardinality(moving);
END $$;
