-- Move waiting jobs to the front or the back of their owner's own flow. Among themselves they keep their order.
--   p_owner, p_jobs  the owner, and jobs of this owner
--   p_front          true: before all that wait in the flow. false: behind all that were submitted until now
-- moved: the jobs that are there now; the others are not in the flow. refused: why none was moved. 'shared': the flow is
-- not the owner's alone, so a move would delay others. 'held': jobs are being moved to it or from it.
-- A place at the front is below that of the first job, so near it: a claim that starts there reads few dead tuples. A
-- place at the back is a number that no job will get: jobs that are submitted from now on come after.
-- Nobody submits to the flow meanwhile: a job that is committed late has the place that it drew before.
-- Locks: routing (advisory, shared); the flow (advisory, exclusive); its state; the waiting rows; the jobs.
CREATE OR REPLACE FUNCTION queueapp_reorder(
    p_owner bigint, p_jobs bigint[], p_front boolean, OUT moved bigint[], OUT refused text
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    own record;
    f queueapp_flowstate;
    there bigint[];
    first_place bigint;
    places bigint[];
BEGIN
    moved := '{}';
    PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());
    SELECT flow.id, flow.owner_id IS NULL AS shared INTO own
      FROM queueapp_owner o JOIN queueapp_flow flow ON flow.id = o.flow_id WHERE o.id = p_owner;
    IF own.shared THEN
        refused := 'shared';
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(queueapp_flow_lock(own.id));
    SELECT * INTO f FROM queueapp_flowstate WHERE flow_id = own.id ORDER BY revision DESC LIMIT 1 FOR NO KEY UPDATE;
    IF f.held THEN
        refused := 'held';
        RETURN;
    END IF;

    -- The jobs in their order. By their key alone, so that the planner cannot choose to read the whole flow.
    WITH asked AS MATERIALIZED (
        SELECT job_id, flow_id, queueapp_place_of(moved_to, job_id) AS place FROM queueapp_waiting
         WHERE owner_id = p_owner AND job_id = ANY (p_jobs)
    )
    SELECT coalesce(array_agg(job_id ORDER BY place, job_id), '{}') INTO moved FROM asked WHERE flow_id = own.id;

    -- Jobs that are there already keep their places. One statement, as a cancellation may take the first job out.
    IF p_front THEN
        SELECT array_agg(job_id ORDER BY place, job_id), min(place) INTO there, first_place FROM (
            SELECT job_id, queueapp_place_of(moved_to, job_id) AS place FROM queueapp_waiting
             WHERE flow_id = own.id AND queueapp_place_of(moved_to, job_id) >= f.scan_from
             ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT cardinality(moved)) AS first;
        places := ARRAY(SELECT generate_series(first_place - cardinality(moved), first_place - 1));
    ELSE
        SELECT array_agg(job_id ORDER BY place, job_id) INTO there FROM (
            SELECT job_id, queueapp_place_of(moved_to, job_id) AS place FROM queueapp_waiting WHERE flow_id = own.id
             ORDER BY queueapp_place_of(moved_to, job_id) DESC, job_id DESC LIMIT cardinality(moved)) AS last;
    END IF;
    IF there IS NULL OR there = moved THEN
        moved := coalesce(there, '{}');
        RETURN;
    END IF;
    IF NOT p_front THEN
        places := ARRAY(SELECT queueapp_place_of(NULL, nextval('queueapp_job_id_seq'))
                          FROM generate_series(1, cardinality(moved)));
    END IF;

    WITH changed AS (
        UPDATE queueapp_waiting w SET moved_to = m.place FROM unnest(moved, places) AS m(job, place)
         WHERE w.owner_id = p_owner AND w.job_id = m.job
        RETURNING w.job_id, w.moved_to
    ), noted AS (
        UPDATE queueapp_job j SET moved_to = c.moved_to FROM changed c WHERE j.id = c.job_id RETURNING j.id
    )
    SELECT coalesce(array_agg(id), '{}') INTO moved FROM noted;
    PERFORM queueapp_change_flow(own.id, p_first => places[1]);
END $$;
