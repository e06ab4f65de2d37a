-- Put parked jobs that nothing pauses any more into their owners' flows, in their places. Each flow rejoins at V.
-- Locks: routing (advisory, exclusive: jobs that are submitted meanwhile come after); by flow, the states of the flows
-- that processors work for (a settlement that puts jobs back either comes first or does not see the pause) and of those
-- that parked jobs would join; then as place.sql.
CREATE OR REPLACE FUNCTION queueapp_unpark() RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    parked record;
BEGIN
    PERFORM queueapp_lock_routing();
    PERFORM FROM queueapp_flowstate
      WHERE busy > 0 OR flow_id IN (
            SELECT o.flow_id FROM queueapp_owner o JOIN queueapp_waiting w ON w.owner_id = o.id
             WHERE w.flow_id IS NULL AND w.not_before IS NULL)
      ORDER BY flow_id FOR NO KEY UPDATE;
    -- Read after the flows were locked.
    SELECT array_agg(w.owner_id) AS owners, array_agg(w.job_id) AS jobs
      INTO parked
      FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
     WHERE w.flow_id IS NULL AND w.not_before IS NULL AND NOT queueapp_paused(w.owner_id, j.task);
    PERFORM queueapp_place(parked.owners, parked.jobs);
END $$;
