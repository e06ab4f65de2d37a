-- Move waiting jobs that are in another flow than their owner's, keeping their places in time.
--   p_most  jobs at the most
-- Looks at one flow that some user has left at a time. Returns how many were moved; 0: none is out of place.
-- Locks: the flows left and joined, lowest id first.
CREATE OR REPLACE FUNCTION queueapp_move(p_most integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    leaving bigint;
    joining bigint;
    mover bigint;
    f queueapp_flow;
    first_moved bigint;
    moved integer;
BEGIN
    SELECT u.id, u.flow_id, w.flow_id INTO mover, joining, leaving
      FROM queueapp_user u
      JOIN LATERAL (
          SELECT flow_id FROM queueapp_waiting
           WHERE owner_id = u.id AND flow_id <> u.flow_id ORDER BY job_id LIMIT 1
      ) w ON true
     LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    PERFORM 1 FROM queueapp_flow WHERE id IN (leaving, joining) ORDER BY id FOR NO KEY UPDATE;

    WITH out_of_place AS (
        SELECT job_id FROM queueapp_waiting
         WHERE owner_id = mover AND flow_id = leaving ORDER BY job_id LIMIT p_most
    ), placed AS (
        UPDATE queueapp_waiting w SET flow_id = joining FROM out_of_place o
         WHERE w.owner_id = mover AND w.job_id = o.job_id AND w.flow_id = leaving
        RETURNING w.job_id
    )
    SELECT min(job_id), count(*) INTO first_moved, moved FROM placed;

    -- The flow they join wakes if it rested. The one they left goes to rest at its next claim.
    IF moved > 0 THEN
        SELECT * INTO f FROM queueapp_flow WHERE id = joining;
        PERFORM queueapp_adjust_flow(f, 0, 0, first_moved);
    END IF;
    RETURN moved;
END $$;
