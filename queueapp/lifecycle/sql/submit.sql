-- Submit jobs of one owner, all or nothing: what was accepted is in the backlog when this commits.
--   p_owner  the user
--   p_jobs   [{"job_id", "task", "payload", "duration"}, ...] in the order of submission
-- Returns the ids of the jobs that are new, in that order. A job that exists with the same content is left as it
-- stands. Raises QJ404 where the owner has no flow yet, and QJ409, with the indexes of the jobs as its detail,
-- where one exists with other content.
-- Locks: routing and the flow, both advisory and shared; the flow's row only where the flow has to wake up.
CREATE OR REPLACE FUNCTION queueapp_submit(p_owner bigint, p_jobs jsonb) RETURNS bigint[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    into_flow bigint;
    new_ids bigint[];
    conflicts text;
BEGIN
    -- The flow: from here to the commit nobody changes routes, nor puts this flow to rest.
    PERFORM pg_advisory_xact_lock_shared(7200, 0);
    SELECT flow_id INTO into_flow FROM queueapp_user WHERE id = p_owner;
    IF into_flow IS NULL THEN
        RAISE EXCEPTION 'user % has no flow', p_owner USING ERRCODE = 'QJ404';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(7201, into_flow::int);

    -- The jobs: ids, and so places, in the order given.
    WITH asked AS (
        SELECT a.* FROM jsonb_to_recordset(p_jobs)
            AS a(job_id text, task text, payload jsonb, duration double precision)
    ), made AS (
        INSERT INTO queueapp_job (owner_id, job_id, task, payload, duration, submitted_at)
        SELECT p_owner, job_id, task, payload, duration, clock_timestamp() FROM asked
        ON CONFLICT (owner_id, job_id) DO NOTHING
        RETURNING id, duration
    ), placed AS (
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, expected, attempt)
        SELECT p_owner, id, into_flow, duration, 1 FROM made
    )
    SELECT array_agg(id ORDER BY id) INTO new_ids FROM made;

    -- Idempotency: the same name must mean the same job.
    IF coalesce(cardinality(new_ids), 0) < jsonb_array_length(p_jobs) THEN
        SELECT string_agg((a.n - 1)::text, ',' ORDER BY a.n) INTO conflicts
          FROM jsonb_array_elements(p_jobs) WITH ORDINALITY AS a(asked, n)
          JOIN queueapp_job j ON j.owner_id = p_owner AND j.job_id = a.asked->>'job_id'
         WHERE (j.task, j.payload, j.duration)
               IS DISTINCT FROM (a.asked->>'task', a.asked->'payload', (a.asked->>'duration')::float8);
        IF conflicts IS NOT NULL THEN
            RAISE EXCEPTION 'other content under the same job_id' USING ERRCODE = 'QJ409', DETAIL = conflicts;
        END IF;
    END IF;

    -- Wake the flow if it rests.
    IF new_ids IS NOT NULL THEN
        UPDATE queueapp_flow
           SET backlogged = true, head = new_ids[1],
               vtime = greatest(vtime, queueapp_virtual_time())
         WHERE id = into_flow AND NOT backlogged;
    END IF;
    RETURN coalesce(new_ids, '{}');
END $$;
