-- Put parked jobs that nothing pauses any more into their owners' flows, in their places; each flow rejoins at V.
-- Returns the owners. Locks: routing (advisory, exclusive: what is submitted meanwhile comes after), the flows' tallies,
-- by id.
CREATE OR REPLACE FUNCTION queueapp_unpark() RETURNS bigint[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    owners bigint[];
    flow bigint;
    first_job bigint;
BEGIN
    PERFORM queueapp_lock_routing();
    PERFORM queueapp_join_order();
    SELECT array_agg(DISTINCT w.owner_id) INTO owners
      FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
     WHERE w.flow_id IS NULL AND w.not_before IS NULL AND NOT queueapp_paused(w.owner_id, j.task);
    FOR flow IN
        SELECT t.flow_id FROM queueapp_tally t
         WHERE t.flow_id IN (SELECT flow_id FROM queueapp_user WHERE id = ANY (owners))
         ORDER BY t.flow_id FOR NO KEY UPDATE
    LOOP
        WITH placed AS (
            UPDATE queueapp_waiting w SET flow_id = flow FROM queueapp_user u, queueapp_job j
             WHERE u.flow_id = flow AND u.id = ANY (owners) AND w.owner_id = u.id
               AND w.flow_id IS NULL AND w.not_before IS NULL
               AND j.id = w.job_id AND NOT queueapp_paused(w.owner_id, j.task)
            RETURNING w.job_id
        )
        SELECT min(job_id) INTO first_job FROM placed;
        IF first_job IS NOT NULL THEN
            PERFORM queueapp_adjust_flow(flow, 0, 0, first_job);
        END IF;
    END LOOP;
    RETURN owners;
END $$;
