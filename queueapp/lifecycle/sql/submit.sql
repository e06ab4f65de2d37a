-- Submit jobs, all or nothing: what was accepted is in the backlog when this commits.
--   p_jobs  [{"owner", "job_id", "task", "payload", "duration", "time_limit", "run_at"}, ...] in the order of submission
-- new_jobs: how many are new. newest, newest_at: the last of these and when it was submitted; ahead: how many jobs wait
-- before it in its flow, null where it is in none, or behind p_far and more.
-- A job that exists with the same content is left as it stands. Raises QJ404 where an owner
-- has no flow yet, and QJ409, with the indexes of the jobs as its detail, where one exists with other content.
-- Locks: routing and the flows, lowest first, advisory and shared; a flow's row only where it has to wake up.
CREATE OR REPLACE FUNCTION queueapp_submit(
    p_jobs jsonb, p_far integer,
    OUT new_jobs integer, OUT newest bigint, OUT newest_at timestamptz, OUT ahead integer
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    flow bigint;
    flows bigint[];
    newest_flow bigint;
    first_jobs jsonb;
    conflicts text;
    pauses boolean;
BEGIN
    -- The flows: from here to the commit nobody changes routes, nor puts one of these to rest.
    PERFORM pg_advisory_xact_lock_shared(7200, 0);
    SELECT array_agg(DISTINCT coalesce(u.flow_id, 0)) INTO flows
      FROM (SELECT DISTINCT owner FROM jsonb_to_recordset(p_jobs) AS a(owner bigint)) AS owners
      JOIN queueapp_user u ON u.id = owners.owner;
    IF 0 = ANY (flows) THEN
        RAISE EXCEPTION 'an owner has no flow' USING ERRCODE = 'QJ404';
    END IF;
    FOREACH flow IN ARRAY flows LOOP
        PERFORM pg_advisory_xact_lock_shared(7201, flow::int);
    END LOOP;

    -- What is paused does not change either until the commit. Jobs of a paused user or task are parked at once.
    pauses := EXISTS (SELECT FROM queueapp_pause);

    -- The jobs: ids, and so places, in the order given.
    WITH made AS (
        INSERT INTO queueapp_job (owner_id, job_id, task, payload, duration, time_limit, run_at, submitted_at)
        SELECT owner, job_id, task, payload, duration, time_limit, run_at, clock_timestamp()
          FROM jsonb_to_recordset(p_jobs)
               AS a(owner bigint, job_id text, task text, payload jsonb, duration double precision,
                    time_limit double precision, run_at timestamptz)
        ON CONFLICT (owner_id, job_id) DO NOTHING
        RETURNING id, owner_id, task, duration, submitted_at, nullif(greatest(run_at, now()), now()) AS later
    ), placed AS (
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt)
        SELECT m.owner_id, m.id,
               CASE WHEN m.later IS NULL AND NOT (pauses AND queueapp_paused(m.owner_id, m.task)) THEN u.flow_id END,
               m.later, m.duration, 1
          FROM made m JOIN queueapp_user u ON u.id = m.owner_id
        RETURNING flow_id, job_id
    ), firsts AS (
        SELECT flow_id, min(job_id) AS first_job, count(*) AS many FROM placed GROUP BY flow_id
    ), last AS (
        SELECT m.id, m.submitted_at, p.flow_id FROM made m JOIN placed p ON p.job_id = m.id ORDER BY m.id DESC LIMIT 1
    )
    SELECT coalesce(sum(many), 0), jsonb_object_agg(flow_id, first_job) FILTER (WHERE flow_id IS NOT NULL),
           (SELECT id FROM last), (SELECT submitted_at FROM last), (SELECT flow_id FROM last)
      INTO new_jobs, first_jobs, newest, newest_at, newest_flow FROM firsts;

    -- Idempotency: the same name must mean the same job.
    IF new_jobs < jsonb_array_length(p_jobs) THEN
        SELECT string_agg((a.n - 1)::text, ',' ORDER BY a.n) INTO conflicts
          FROM jsonb_array_elements(p_jobs) WITH ORDINALITY AS a(asked, n)
          JOIN queueapp_job j ON j.owner_id = (a.asked->>'owner')::bigint AND j.job_id = a.asked->>'job_id'
         WHERE (j.task, j.payload, j.duration, j.time_limit, j.run_at)
               IS DISTINCT FROM (a.asked->>'task', a.asked->'payload', (a.asked->>'duration')::float8,
                                 (a.asked->>'time_limit')::float8, (a.asked->>'run_at')::timestamptz);
        IF conflicts IS NOT NULL THEN
            RAISE EXCEPTION 'other content under the same job_id' USING ERRCODE = 'QJ409', DETAIL = conflicts;
        END IF;
    END IF;

    -- Wake the flows that rest.
    FOREACH flow IN ARRAY flows LOOP
        UPDATE queueapp_flow
           SET backlogged = true, head = (first_jobs->>flow::text)::bigint,
               vtime = greatest(vtime, queueapp_virtual_time())
         WHERE id = flow AND NOT backlogged AND first_jobs ? flow::text;
    END LOOP;

    -- Where the newest stands.
    IF newest_flow IS NOT NULL THEN
        SELECT nullif(count(*), p_far) INTO ahead FROM (
            SELECT FROM queueapp_waiting WHERE flow_id = newest_flow AND job_id < newest ORDER BY job_id LIMIT p_far
        ) AS before;
    END IF;
END $$;
