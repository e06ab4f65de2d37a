-- Put waiting jobs that are in no flow into their owners' flows, in their places. In a flow that several owners share,
-- that is the order of submission: places that an owner moved jobs to are forgotten.
--   p_owners, p_jobs  the jobs, and the owner of each
-- The caller holds routing (advisory).
-- Locks: for each flow, by id: its state; the waiting rows; the jobs that had such places; order (advisory, shared) if
-- the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_place(p_owners bigint[], p_jobs bigint[]) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    f record;
    first_place bigint;
BEGIN
    FOR f IN
        SELECT flow.id, flow.owner_id IS NULL AS shared, array_agg(p.owner) AS owners, array_agg(p.job) AS jobs
          FROM unnest(p_owners, p_jobs) AS p(owner, job) JOIN queueapp_owner o ON o.id = p.owner
          JOIN queueapp_flow flow ON flow.id = o.flow_id
         GROUP BY flow.id ORDER BY flow.id
    LOOP
        PERFORM FROM queueapp_flowstate WHERE flow_id = f.id FOR NO KEY UPDATE;
        WITH placed AS (
            UPDATE queueapp_waiting w
               SET flow_id = f.id, not_before = NULL, moved_to = CASE WHEN NOT f.shared THEN moved_to END
              FROM unnest(f.owners, f.jobs) AS p(owner, job)
             WHERE w.owner_id = p.owner AND w.job_id = p.job AND w.flow_id IS NULL
            RETURNING queueapp_place_of(w.moved_to, w.job_id) AS place
        )
        SELECT min(place) INTO first_place FROM placed;
        IF f.shared THEN
            UPDATE queueapp_job SET moved_to = NULL WHERE id = ANY (f.jobs) AND moved_to IS NOT NULL;
        END IF;
        IF first_place IS NOT NULL THEN
            PERFORM queueapp_change_flow(f.id, p_first => first_place);
        END IF;
    END LOOP;
END $$;
