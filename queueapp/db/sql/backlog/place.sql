-- Put waiting jobs that are in no flow into their owners' flows, in their places.
--   p_owners, p_jobs  the jobs, and the owner of each
-- The caller holds routing (advisory).
-- Locks: for each flow, by id: its state; the waiting rows; order (advisory, shared) if the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_place(p_owners bigint[], p_jobs bigint[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f record;
    first_job bigint;
BEGIN
    FOR f IN
        SELECT o.flow_id AS id, array_agg(p.owner) AS owners, array_agg(p.job) AS jobs
          FROM unnest(p_owners, p_jobs) AS p(owner, job) JOIN queueapp_owner o ON o.id = p.owner
         GROUP BY o.flow_id ORDER BY o.flow_id
    LOOP
        PERFORM FROM queueapp_flowstate WHERE flow_id = f.id FOR NO KEY UPDATE;
        WITH placed AS (
            UPDATE queueapp_waiting w SET flow_id = f.id, not_before = NULL
              FROM unnest(f.owners, f.jobs) AS p(owner, job)
             WHERE w.owner_id = p.owner AND w.job_id = p.job AND w.flow_id IS NULL
            RETURNING w.job_id
        )
        SELECT min(job_id) INTO first_job FROM placed;
        IF first_job IS NOT NULL THEN
            PERFORM queueapp_change_flow(f.id, p_first => first_job);
        END IF;
    END LOOP;
END $$;
