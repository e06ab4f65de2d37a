-- Park the waiting jobs of an owner or a task: until unpark.sql they are in no flow, and wait for no moment.
--   p_owner  the owner; null: the jobs of p_task
--   p_task   the task; not read if there is an owner
-- The caller has written the pause in this transaction.
-- Locks: routing (advisory, exclusive: no submission is under way that has not seen the pause); by flow, the states of
-- the flows that such jobs are in and of those that processors work for (a settlement that puts jobs back either comes
-- first or sees the pause); the waiting rows.
CREATE OR REPLACE FUNCTION queueapp_park(p_owner bigint, p_task text) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    flows bigint[];
BEGIN
    PERFORM queueapp_lock_routing();

    -- 1. The flows.
    SELECT array_agg(flow_id) INTO flows FROM (
        SELECT flow_id FROM queueapp_flowstate
         WHERE busy > 0 OR flow_id IN (
               SELECT w.flow_id FROM queueapp_waiting w JOIN queueapp_job j ON j.id = w.job_id
                WHERE w.owner_id = p_owner OR (p_owner IS NULL AND j.task = p_task))
         ORDER BY flow_id FOR NO KEY UPDATE
    ) AS locked;

    -- 2. The jobs, read after the flows were locked.
    UPDATE queueapp_waiting w SET flow_id = NULL, not_before = NULL FROM queueapp_job j
     WHERE j.id = w.job_id AND w.flow_id IS NOT NULL
       AND (w.owner_id = p_owner OR (p_owner IS NULL AND j.task = p_task));

    -- 3. The flows have other heads. They may rest, as nobody submits meanwhile.
    PERFORM queueapp_change_flow(flow, p_reread => true, p_rests => true) FROM unnest(flows) AS flow;
END $$;
