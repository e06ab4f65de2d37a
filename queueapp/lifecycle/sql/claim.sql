-- Take the next turn: the head of the backlog of the ready flow with the least virtual time.
--   p_processor  who takes it; must be between turns
--   p_quantum    jobs are taken while the expected seconds before them are less than this; at least one
--   p_most       jobs at the most
--   p_lease      seconds that the processor has until its next sign of life
--   skip         flows that were found empty, in and out
-- turn: null where there is nothing to take, else {"turn", "jobs": [{"id", "name", "owner", "task", "payload",
-- "duration", "limit", "attempt"}, ...]}. again: true where a flow was found empty, or gone ahead; commit, and call
-- again.
-- Locks: one flow row, then the processor's row.
CREATE OR REPLACE FUNCTION queueapp_claim(
    p_processor bigint, p_quantum double precision, p_most integer, p_lease double precision,
    INOUT skip bigint[], OUT turn jsonb, OUT again boolean
)
LANGUAGE plpgsql
-- A table that was just made or emptied has no statistics: the plan must not hang on them.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    f queueapp_flow;
    least_flow queueapp_flow;
    candidate record;
    ids bigint[] := '{}';
    attempts_taken smallint[];
    expected_sum double precision := 0;
    next_head bigint;
    still_backlogged boolean := true;
    turn_number bigint;
BEGIN
    again := false;
    -- A database crash then runs a job again at worst; it never loses one.
    PERFORM set_config('synchronous_commit', 'off', true);

    -- 1. The flow: the least virtual time, ties to the job submitted first. One that another processor has just locked
    -- is passed over for one that is less than a quantum ahead of it: it would be after that one once it is charged.
    -- Otherwise wait for it, and where it was charged meanwhile, look anew.
    SELECT * INTO least_flow FROM queueapp_flow
     WHERE ready AND id <> ALL (skip) ORDER BY vtime, head LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO f FROM queueapp_flow
     WHERE ready AND id <> ALL (skip) AND vtime <= least_flow.vtime + p_quantum / least_flow.weight
     ORDER BY vtime, head LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO f FROM queueapp_flow WHERE id = least_flow.id AND ready FOR NO KEY UPDATE;
        IF NOT FOUND OR f.vtime > least_flow.vtime THEN
            again := true;
            RETURN;
        END IF;
    END IF;

    -- 2. The head of its backlog, up to the quantum. A statement of its own, with a snapshot taken after the
    -- flow was locked: an older one would show jobs that are gone.
    FOR candidate IN
        SELECT job_id, expected FROM queueapp_waiting WHERE flow_id = f.id ORDER BY job_id LIMIT p_most + 1
    LOOP
        IF cardinality(ids) > 0 AND (expected_sum >= p_quantum OR cardinality(ids) >= p_most) THEN
            next_head := candidate.job_id;
            EXIT;
        END IF;
        ids := ids || candidate.job_id;
        expected_sum := expected_sum + candidate.expected;
    END LOOP;

    -- 3. Take them, and charge what was really taken (a job may just have been cancelled).
    WITH taken AS (
        DELETE FROM queueapp_waiting WHERE flow_id = f.id AND job_id = ANY (ids)
        RETURNING job_id, expected, attempt
    )
    SELECT coalesce(array_agg(job_id ORDER BY job_id), '{}'), array_agg(attempt ORDER BY job_id),
           coalesce(sum(expected ORDER BY job_id), 0)
      INTO ids, attempts_taken, expected_sum FROM taken;

    -- 4. Put the flow to rest where nothing more waits in it, unless somebody is submitting to it just now. Look
    -- once more after the lock: a job may have been committed between step 2 and now.
    IF next_head IS NULL AND pg_try_advisory_xact_lock(7201, f.id::int) THEN
        SELECT job_id INTO next_head FROM queueapp_waiting WHERE flow_id = f.id ORDER BY job_id LIMIT 1;
        still_backlogged := next_head IS NOT NULL;
    END IF;

    -- 5. Charge the flow.
    UPDATE queueapp_flow
       SET vtime = f.vtime + expected_sum / f.weight,
           busy = f.busy + (cardinality(ids) > 0)::int,
           head = coalesce(next_head, f.head),
           backlogged = still_backlogged
     WHERE id = f.id;
    IF cardinality(ids) = 0 THEN
        skip := skip || f.id;
        again := true;
        RETURN;
    END IF;

    -- 6. The lease.
    UPDATE queueapp_processor
       SET turn = queueapp_processor.turn + 1, flow_id = f.id, jobs = ids, attempts = attempts_taken,
           charged = expected_sum, job_id = ids[1], job_started_at = clock_timestamp(), progress = 0, message = '',
           cancelling = false, seen_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => p_lease)
     WHERE id = p_processor AND cardinality(jobs) = 0 AND NOT draining
    RETURNING queueapp_processor.turn INTO turn_number;
    IF turn_number IS NULL THEN
        RAISE EXCEPTION 'processor % is unknown, draining or in the middle of a turn', p_processor
            USING ERRCODE = 'QJ410';
    END IF;

    -- 7. What there is to do.
    SELECT jsonb_build_object('turn', turn_number, 'jobs', jsonb_agg(jsonb_build_object(
               'id', j.id, 'name', j.job_id, 'owner', j.owner_id, 'task', j.task, 'payload', j.payload,
               'duration', j.duration, 'limit', j.time_limit, 'attempt', t.attempt) ORDER BY j.id))
      INTO turn
      FROM unnest(ids, attempts_taken) AS t(id, attempt) JOIN queueapp_job j ON j.id = t.id;
END $$;
