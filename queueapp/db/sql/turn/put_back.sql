-- Put jobs of a processor's turn back into their places in the flow that they were taken from. Jobs that are paused by
-- now are parked.
--   p         the processor; the caller has locked its row and its flow's state
--   p_except  jobs of the turn that do not go back
--   p_alone   whether each is to be taken in a turn of its own: see rescue.sql
-- Returns the least place of those put back into the flow; null: none.
-- Locks: pending moves (inserted).
CREATE OR REPLACE FUNCTION queueapp_put_back(
    p queueapp_processor, p_except bigint[], p_alone boolean
) RETURNS bigint
LANGUAGE sql AS $$
    -- Jobs follow an owner that has left the flow meanwhile.
    INSERT INTO queueapp_pendingmove (owner_id, flow_id)
    SELECT DISTINCT o.id, p.flow_id
      FROM queueapp_job j JOIN queueapp_owner o ON o.id = j.owner_id
     WHERE j.id = ANY (p.jobs) AND j.id <> ALL (p_except) AND o.flow_id <> p.flow_id
    ON CONFLICT DO NOTHING;

    WITH back AS (
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, expected, alone, attempt, moved_to)
        SELECT j.owner_id, j.id, CASE WHEN NOT queueapp_paused(j.owner_id, j.task) THEN p.flow_id END,
               j.duration, p_alone, t.attempt, j.moved_to
          FROM unnest(p.jobs, p.attempts) AS t(id, attempt), queueapp_job_by_id(t.id) AS j
         WHERE t.id <> ALL (p_except)
        RETURNING queueapp_place_of(moved_to, job_id) AS place, flow_id
    )
    SELECT min(place) FROM back WHERE flow_id IS NOT NULL
$$;
