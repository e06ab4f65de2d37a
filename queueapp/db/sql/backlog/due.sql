-- Put jobs whose moment has come into their owners' flows: a requested start, another attempt, or the commit of the
-- transaction that submitted them. Jobs that are paused by then are parked instead.
--   p_most  maximum number of jobs
-- owners: the owners of these jobs; null: none. unrouted: owners among them without a flow, whose jobs stay as they
-- are; null: none. next_in: seconds until the next job's moment; null: none waits for one.
-- Locks: routing (advisory, shared); the jobs' waiting rows (locked ones are skipped); then as place.sql.
CREATE OR REPLACE FUNCTION queueapp_due(
    p_most integer, OUT owners bigint[], OUT unrouted bigint[], OUT next_in double precision
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    go_on record;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());
    WITH due AS MATERIALIZED (
        SELECT job_id, owner_id FROM queueapp_waiting
         WHERE flow_id IS NULL AND not_before <= clock_timestamp()
         ORDER BY not_before LIMIT p_most FOR UPDATE SKIP LOCKED
    ), seen AS MATERIALIZED (
        SELECT d.job_id, d.owner_id, o.flow_id IS NOT NULL AS routed, queueapp_paused(d.owner_id, j.task) AS paused
          FROM due d JOIN queueapp_owner o ON o.id = d.owner_id, queueapp_job_by_id(d.job_id) AS j
    ), parked AS (
        UPDATE queueapp_waiting w SET not_before = NULL FROM seen s
         WHERE s.routed AND s.paused AND w.owner_id = s.owner_id AND w.job_id = s.job_id
    )
    SELECT array_agg(owner_id) FILTER (WHERE routed AND NOT paused) AS owners,
           array_agg(job_id) FILTER (WHERE routed AND NOT paused) AS jobs,
           array_agg(DISTINCT owner_id) AS all_owners,
           array_agg(DISTINCT owner_id) FILTER (WHERE NOT routed) AS unrouted
      INTO go_on FROM seen;
    owners := go_on.all_owners;
    unrouted := go_on.unrouted;
    PERFORM queueapp_place(go_on.owners, go_on.jobs);
    SELECT extract(epoch FROM not_before - clock_timestamp()) INTO next_in FROM queueapp_waiting
     WHERE flow_id IS NULL ORDER BY not_before LIMIT 1;
END $$;
