-- Park the waiting jobs of an owner or of a task: they are in no flow, and for no moment, until unpark.sql.
--   p_owner, p_task  one of them; the other is null
-- The pause itself was written by this transaction. Returns the owners of the jobs.
-- Locks: routing (advisory, exclusive: no submission is under way that did not see the pause); the flows that such jobs
-- are in and those that processors work for, by id: a settlement that puts jobs back comes before this or sees the
-- pause.
CREATE OR REPLACE FUNCTION queueapp_park(p_owner bigint, p_task text) RETURNS bigint[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    flows bigint[];
    owners bigint[];
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

    -- 2. The jobs, seen after the flows were locked.
    WITH parked AS (
        UPDATE queueapp_waiting w SET flow_id = NULL, not_before = NULL FROM queueapp_job j
         WHERE j.id = w.job_id AND w.flow_id IS NOT NULL
           AND (w.owner_id = p_owner OR (p_owner IS NULL AND j.task = p_task))
        RETURNING w.owner_id
    )
    SELECT array_agg(DISTINCT owner_id) INTO owners FROM parked;

    -- 3. Their flows have other heads, or rest: nobody submits to them meanwhile.
    PERFORM queueapp_reread_head(flow, p_may_rest => true) FROM unnest(flows) AS flow;
    RETURN owners;
END $$;
