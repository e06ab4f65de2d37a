-- Submit jobs, all or none. Accepted jobs are in the backlog when this commits, unless they come later.
--   p_owners  the owners of the jobs, each once
--   p_jobs    [{"owner", "name", "task", "payload", "duration", "time_limit", "memory_limit", "run_at", "traceparent"}, ...]
--             in the order of submission; "traceparent", which a job that exists keeps, may be left out
--   p_later   true in a transaction of the caller's, which may stay open for long: the jobs are due at once, in no
--             flow. After the commit due.sql puts them into their flows, or parks them. The caller's transaction then
--             holds no lock that a claim, a pause, a change of rules or another owner waits for.
-- new_jobs: the number of new jobs. newest, newest_at: the last of these, and when it was submitted. ahead: the number
-- of jobs before it in its flow; null if it is in no flow, or behind p_far or more.
-- A job that exists with the same content is left alone. Raises QJ404 if an owner has no flow yet, unless p_later, and
-- QJ409 if a job exists with other content, with the indexes of such jobs as its detail.
-- One plan for all calls: PostgreSQL would expect a plan for the length of p_owners to be cheaper, and plan every time.
-- Locks: routing (advisory, shared); the flows, by id (advisory, shared); the keys (owner, name) of new jobs; the
-- states of the flows that rest, by flow, each as change_flow.sql. With p_later only the keys of new jobs.
CREATE OR REPLACE FUNCTION queueapp_submit(
    p_owners bigint[], p_jobs jsonb, p_far integer, p_later boolean DEFAULT false,
    OUT new_jobs integer, OUT newest bigint, OUT newest_at timestamptz, OUT ahead integer
)
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    flow bigint;
    flows bigint[];
    only_flow bigint;
    last_place bigint[];
    first_jobs jsonb;
    conflicts text;
    pauses boolean;
    last_id bigint;
BEGIN
    IF p_later THEN
        SELECT last_value INTO last_id FROM queueapp_job_id_seq;
    ELSE
        -- The flows: until the commit nobody changes routes, or puts one of these flows to rest.
        PERFORM pg_advisory_xact_lock_shared(queueapp_routing_lock());
        SELECT array_agg(DISTINCT coalesce(flow_id, 0)) INTO flows FROM queueapp_owner WHERE id = ANY (p_owners);
        IF 0 = ANY (flows) THEN
            RAISE EXCEPTION 'an owner has no flow' USING ERRCODE = 'QJ404';
        END IF;
        only_flow := CASE WHEN cardinality(flows) = 1 THEN flows[1] END;  -- null only if staff submit for several owners
        FOREACH flow IN ARRAY flows LOOP
            PERFORM pg_advisory_xact_lock_shared(queueapp_flow_lock(flow));
        END LOOP;

        -- Nor do pauses of owners and tasks change until the commit. Jobs of a paused owner or task are parked at once.
        pauses := EXISTS (SELECT FROM queueapp_pause);
    END IF;

    -- The jobs: ids, and so places, are in the order given. All are submitted at one moment. Those that come later are
    -- due in the same order, a microsecond for each id: due.sql takes the first ones.
    newest_at := clock_timestamp();
    WITH made AS (
        INSERT INTO queueapp_job (owner_id, name, task, payload, duration, time_limit, memory_limit, run_at,
                                  traceparent, submitted_at)
        SELECT owner, name, task, payload, duration, time_limit, memory_limit, run_at, traceparent, newest_at
          FROM jsonb_to_recordset(p_jobs)
               AS a(owner bigint, name text, task text, payload jsonb, duration double precision,
                    time_limit double precision, memory_limit double precision, run_at timestamptz, traceparent text)
        ON CONFLICT (owner_id, name) DO NOTHING
        RETURNING id, owner_id, task, duration, nullif(greatest(run_at, now()), now()) AS later
    ), placed AS (
        INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt)
        SELECT m.owner_id, m.id,
               CASE WHEN m.later IS NULL AND NOT p_later AND NOT (pauses AND queueapp_paused(m.owner_id, m.task))
                    THEN coalesce(only_flow, (SELECT flow_id FROM queueapp_owner WHERE id = m.owner_id)) END,
               CASE WHEN p_later THEN coalesce(m.later, newest_at + (m.id - last_id) * interval '1 microsecond')
                    ELSE m.later END,
               m.duration, 1
          FROM made m
        RETURNING flow_id, job_id
    ), joined AS (
        SELECT flow_id, count(*) AS many, min(job_id) AS first_job, max(job_id) AS last_job FROM placed GROUP BY flow_id
    )
    SELECT coalesce(sum(many), 0), jsonb_object_agg(flow_id, first_job) FILTER (WHERE flow_id IS NOT NULL),
           max(ARRAY[last_job, flow_id])
      INTO new_jobs, first_jobs, last_place FROM joined;
    newest := last_place[1];

    -- Idempotency: the same job_id must mean the same job.
    IF new_jobs < jsonb_array_length(p_jobs) THEN
        SELECT string_agg((a.n - 1)::text, ',' ORDER BY a.n) INTO conflicts
          FROM jsonb_array_elements(p_jobs) WITH ORDINALITY AS a(asked, n)
          JOIN queueapp_job j ON j.owner_id = (a.asked->>'owner')::bigint AND j.name = a.asked->>'name'
         WHERE (j.task, j.payload, j.duration, j.time_limit, j.memory_limit, j.run_at)
               IS DISTINCT FROM (a.asked->>'task', a.asked->'payload', (a.asked->>'duration')::float8,
                                 (a.asked->>'time_limit')::float8, (a.asked->>'memory_limit')::float8,
                                 (a.asked->>'run_at')::timestamptz);
        IF conflicts IS NOT NULL THEN
            RAISE EXCEPTION 'other content under the same job_id' USING ERRCODE = 'QJ409', DETAIL = conflicts;
        END IF;
    END IF;

    -- Wake the flows that rest.
    PERFORM queueapp_change_flow(
               resting.id, p_first => queueapp_place_of(NULL, (first_jobs->>resting.id::text)::bigint))
       FROM (SELECT id FROM unnest(flows) AS id
              WHERE first_jobs ? id::text
                AND NOT (SELECT backlogged FROM queueapp_flowstate WHERE flow_id = id ORDER BY revision DESC LIMIT 1)
            ) AS resting;

    -- The position of the newest, counted from itself: the front of the index has dead entries of taken jobs.
    IF last_place[2] IS NOT NULL THEN
        SELECT nullif(count(*), p_far) INTO ahead FROM (
            SELECT FROM queueapp_waiting
             WHERE flow_id = last_place[2] AND queueapp_place_of(moved_to, job_id) < queueapp_place_of(NULL, newest)
             ORDER BY queueapp_place_of(moved_to, job_id) DESC, job_id DESC LIMIT p_far
        ) AS before;
    END IF;
END $$;
