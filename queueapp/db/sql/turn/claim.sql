-- Take the next turn: the head of the backlog of the ready flow with the least virtual time.
--   p          the processor; the caller has locked its row
--   p_quantum  jobs are taken while the expected seconds before them are below this; at least one. Expected are the
--              declared seconds times the flow's ratio
--   p_most     maximum number of jobs
--   p_lease    seconds until the lease runs out without a heartbeat
--   p_wait     whether to wait for a flow's state that others have locked; false if the caller has locked another one
--   skip       flows that were found empty, in and out
-- status: 'claimed', with the turn's number and its jobs in order; 'idle': no flow is ready; 'retry': the flow was
-- empty, had gone ahead, or was not to be waited for: commit, and call again. Each job is an array of id, job_id,
-- owner, task, payload as text, duration, attempt, time limit in seconds, memory limit in megabytes, and null or
-- an array of traceparent and the seconds since the submission or run_at.
-- The flow is charged what is expected, but no more than what is declared. Otherwise an owner whose jobs took long
-- could move V far ahead of everybody with the next one.
-- Locks: a flow's state; the flow (advisory, exclusive, only tried, and given back at once); the waiting rows; the flow
-- once more (advisory, exclusive, only tried) if nothing more waits in it.
CREATE OR REPLACE FUNCTION queueapp_claim(
    p queueapp_processor, p_quantum double precision, p_most integer, p_lease double precision, p_wait boolean,
    INOUT skip bigint[], OUT status text, OUT turn bigint, OUT jobs json
)
LANGUAGE plpgsql
-- A table that was just created or emptied has no statistics: the plan must not depend on them.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    f record;
    first record;
    candidate record;
    ids bigint[] := '{}';
    numbers smallint[];
    places tid[] := '{}';
    declared_sum double precision := 0;  -- of each job at least a microsecond: a product must not underflow
    alone boolean := false;
    charge double precision;
    next_head bigint;
    next_place bigint;
    still_backlogged boolean := true;
    nobody_submits boolean;
    -- As in order_start.sql; a call costs twice as much.
    order_start double precision := coalesce((SELECT h.vtime FROM queueapp_orderstart h WHERE h.id = 1), '-infinity');
    first_place bigint;
BEGIN
    status := 'idle';

    -- 1. The flow: the first ready one. A locked flow is passed over for one that is at most a quantum ahead: once it is
    -- charged, the locked one would come after that one. Otherwise wait for it, and look again if it is not the first
    -- any more.
    SELECT flow_id, revision, vtime, weight, busy, head, scan_from, ratio INTO f FROM queueapp_flowstate
     WHERE ready AND vtime >= order_start AND flow_id <> ALL (skip)
       AND vtime <= (SELECT r.vtime + p_quantum / r.weight FROM queueapp_first_ready(skip, order_start) r)
     ORDER BY vtime, head LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        SELECT * INTO first FROM queueapp_first_ready(skip, order_start);
        IF NOT FOUND THEN
            RETURN;
        END IF;
        IF NOT p_wait THEN
            status := 'retry';
            RETURN;
        END IF;
        SELECT flow_id, revision, vtime, weight, busy, head, scan_from, ratio INTO f FROM queueapp_flowstate
         WHERE flow_id = first.flow_id AND revision >= first.revision FOR NO KEY UPDATE;
        IF f.flow_id IS DISTINCT FROM (SELECT r.flow_id FROM queueapp_first_ready(skip, order_start) r) THEN
            status := 'retry';
            RETURN;
        END IF;
    END IF;

    -- 2. The head of its backlog, up to the quantum. A statement of its own, with a snapshot taken after the flow was
    -- locked: an older one would show jobs that are gone. It starts at scan_from. Before it, the index has a dead entry
    -- for each job taken since the oldest open transaction began.
    nobody_submits := pg_try_advisory_lock(queueapp_flow_lock(f.flow_id));
    IF nobody_submits THEN
        PERFORM pg_advisory_unlock(queueapp_flow_lock(f.flow_id));
    END IF;
    FOR candidate IN
        SELECT ctid, job_id, queueapp_place_of(moved_to, job_id) AS place, expected, queueapp_waiting.alone
          FROM queueapp_waiting
         WHERE flow_id = f.flow_id AND queueapp_place_of(moved_to, job_id) >= f.scan_from
         ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT p_most + 1
    LOOP
        IF cardinality(ids) > 0 AND (declared_sum * f.ratio >= p_quantum OR cardinality(ids) >= p_most
                                     OR alone OR candidate.alone) THEN
            next_head := candidate.job_id;
            next_place := candidate.place;
            EXIT;
        END IF;
        ids := ids || candidate.job_id;
        places := places || candidate.ctid;
        declared_sum := declared_sum + greatest(candidate.expected, 1e-6);
        alone := candidate.alone;
    END LOOP;

    -- 3. Take them. Only deleted rows count: a job may just have been cancelled. By ctid, so that the planner cannot
    -- choose a wrong index. No such row moves: whatever updates it has locked the flow's state.
    WITH taken AS (
        DELETE FROM queueapp_waiting WHERE ctid = ANY (places)
        RETURNING job_id, queueapp_place_of(moved_to, job_id) AS place, expected, attempt
    )
    SELECT coalesce(array_agg(id), '{}'), array_agg(attempt), coalesce(sum(greatest(expected, 1e-6)), 0), min(place),
           json_agg(json_build_array(id, name, owner_id, task, payload::text, duration, attempt, time_limit,
                                     memory_limit, CASE WHEN traceparent IS NOT NULL THEN json_build_array(traceparent,
                                     extract(epoch FROM clock_timestamp() - greatest(submitted_at, run_at))) END))
      INTO ids, numbers, declared_sum, first_place, jobs
      FROM (SELECT j.*, t.expected, t.attempt, t.place
              FROM taken t, queueapp_job_by_id(t.job_id) AS j
             ORDER BY t.place, t.job_id) AS t;
    charge := declared_sum * least(f.ratio, 1);

    -- 4. Put the flow to rest if nothing more waits in it and nobody submits to it. Look once more with the lock held:
    -- a job may have been committed since step 2.
    IF next_head IS NULL AND pg_try_advisory_xact_lock(queueapp_flow_lock(f.flow_id)) THEN
        SELECT job_id, queueapp_place_of(moved_to, job_id) INTO next_head, next_place FROM queueapp_waiting
         WHERE flow_id = f.flow_id ORDER BY queueapp_place_of(moved_to, job_id), job_id LIMIT 1;
        still_backlogged := next_head IS NOT NULL;
    END IF;

    -- 5. Charge the flow. If nobody was submitting to it just before the backlog was read, scan_from rises to the place
    -- of its first job: ids are drawn in order, so no lower one can come any more. Whatever else puts a job before it
    -- lowers scan_from by change_flow.sql. If no job was taken, all ids to come are above the head's.
    UPDATE queueapp_flowstate
       SET revision = f.revision + 1,
           vtime = f.vtime + charge / f.weight,
           busy = f.busy + (cardinality(ids) > 0)::int,
           head = coalesce(next_head, f.head),
           scan_from = least(CASE WHEN NOT nobody_submits THEN f.scan_from
                                  ELSE coalesce(first_place, greatest(f.scan_from, queueapp_place_of(NULL, f.head)))
                             END, next_place),
           backlogged = still_backlogged
     WHERE flow_id = f.flow_id AND revision = f.revision;
    IF cardinality(ids) = 0 THEN
        skip := skip || f.flow_id;
        status := 'retry';
        RETURN;
    END IF;

    -- 6. The lease.
    UPDATE queueapp_processor
       SET turn = nextval('queueapp_turn_number'), flow_id = f.flow_id, jobs = ids, attempts = numbers,
           charged = charge, declared = declared_sum, worked = 0, job_id = ids[1], job_started_at = clock_timestamp(), progress = 0,
           message = '', cancelling = false, seen_at = clock_timestamp(),
           lease_until = clock_timestamp() + make_interval(secs => p_lease)
     WHERE queueapp_processor.turn = p.turn
    RETURNING queueapp_processor.turn INTO turn;
    status := 'claimed';
END $$;
