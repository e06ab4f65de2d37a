-- Put jobs whose moment has come, a start that was asked for or another attempt, into their owners' flows.
-- Those that are paused by then are parked instead.
--   p_most  jobs at the most
-- owners: whose jobs; null: none. next_in: seconds until the next one's moment; null: none waits for one.
-- Locks: routing (advisory, shared), the jobs' waiting rows (skipping those that others are at), the flows' tallies, by
-- id.
CREATE OR REPLACE FUNCTION queueapp_due(p_most integer, OUT owners bigint[], OUT next_in double precision)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    ready_jobs bigint[];
    flow bigint;
    first_job bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());
    PERFORM queueapp_join_order();
    SELECT array_agg(job_id), array_agg(DISTINCT owner_id) INTO ready_jobs, owners FROM (
        SELECT job_id, owner_id FROM queueapp_waiting
         WHERE flow_id IS NULL AND not_before <= clock_timestamp()
         ORDER BY not_before LIMIT p_most FOR UPDATE SKIP LOCKED
    ) AS due;
    IF owners IS NOT NULL THEN
        UPDATE queueapp_waiting w SET not_before = NULL FROM queueapp_job j
         WHERE j.id = w.job_id AND w.owner_id = ANY (owners) AND w.job_id = ANY (ready_jobs)
           AND w.flow_id IS NULL AND queueapp_paused(w.owner_id, j.task);
        FOR flow IN
            SELECT t.flow_id FROM queueapp_tally t
             WHERE t.flow_id IN (SELECT flow_id FROM queueapp_user WHERE id = ANY (owners))
             ORDER BY t.flow_id FOR NO KEY UPDATE
        LOOP
            WITH placed AS (
                UPDATE queueapp_waiting w SET flow_id = flow, not_before = NULL FROM queueapp_user u
                 WHERE w.owner_id = ANY (owners) AND w.job_id = ANY (ready_jobs)
                   AND w.flow_id IS NULL AND w.not_before IS NOT NULL AND u.id = w.owner_id AND u.flow_id = flow
                RETURNING w.job_id
            )
            SELECT min(job_id) INTO first_job FROM placed;
            PERFORM queueapp_adjust_flow(flow, 0, 0, first_job);
        END LOOP;
    END IF;
    SELECT extract(epoch FROM not_before - clock_timestamp()) INTO next_in FROM queueapp_waiting
     WHERE flow_id IS NULL ORDER BY not_before LIMIT 1;
END $$;
