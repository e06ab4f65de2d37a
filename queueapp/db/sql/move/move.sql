-- Move waiting jobs from a flow that their owner has left to the flow joined, in the order of submission.
--   p_most  maximum number of jobs
-- Each call works on one pending move: an owner and the flow left. Returns how many jobs were moved; null: no move is
-- pending, or others work on all of them.
--
-- An owner's jobs keep their order while they are in two flows. Into the owner's own flow the last jobs move first, and
-- it is held until the first have moved or run. Out of the own flow the first jobs move first, and it is held. Only
-- between two shared flows, jobs of more than one batch may pass each other. Places that the owner moved jobs to are
-- forgotten: an owner has one own flow, so one of the two flows is shared.
--
-- Locks: routing (advisory, shared: otherwise a change of routes would not see jobs that are being moved as left
-- behind); the pending move (a locked one is skipped); the states of the flows left and joined, by flow; the waiting
-- rows; the jobs that had such places; order (advisory, shared) if the flow joined becomes ready; after the last batch
-- as release_flow.sql.
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
    UPDATE queueapp_waiting SET flow_id = joining, moved_to = NULL
     WHERE owner_id = lo.owner_id AND job_id = ANY (moving) AND flow_id = lo.flow_id;

    -- The flow left has another head. The flow joined wakes if it rested.
    IF cardinality(moving) > 0 THEN
        UPDATE queueapp_job SET moved_to = NULL WHERE id = ANY (moving) AND moved_to IS NOT NULL;
        PERFORM queueapp_change_flow(lo.flow_id, p_reread => true);
        PERFORM queueapp_change_flow(
                   joining, p_first => queueapp_place_of(NULL, (SELECT min(job_id) FROM unnest(moving) AS m(job_id))));
    END IF;
    IF cardinality(moving) < p_most THEN
        DELETE FROM queueapp_pendingmove WHERE id = lo.id;
        PERFORM queueapp_release_flow(lo.owner_id);
    END IF;
    RETURN cardinality(moving);
END $$;
