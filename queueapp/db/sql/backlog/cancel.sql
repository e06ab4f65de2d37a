-- Cancel waiting jobs of one owner: they leave their backlogs for good, each with an outcome.
--   p_owner, p_jobs  the owner, and jobs of this owner
--   p_wait           whether to wait for a waiting row that others have locked; for one job only, as waits for several
--                    could deadlock. Otherwise such jobs are left alone.
-- Returns the jobs that were cancelled; null: none. The others are in a turn, have ended, or are locked.
-- A claim of such a job waits for the waiting row and then does not find it, or has taken it first.
-- The owner comes before the waiting rows, though record.sql locks it, too: docs/internals/locks.md.
-- Locks: the owner (advisory, shared); the waiting rows (locked ones are skipped).
CREATE OR REPLACE FUNCTION queueapp_cancel(p_owner bigint, p_jobs bigint[], p_wait boolean) RETURNS bigint[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    places tid[];
    part record;
    cancelled bigint[];
BEGIN
    PERFORM pg_advisory_xact_lock_shared(queueapp_owner_lock(p_owner));
    IF p_wait THEN
        PERFORM FROM queueapp_waiting WHERE owner_id = p_owner AND job_id = ANY (p_jobs) FOR UPDATE;
    END IF;
    places := ARRAY(SELECT ctid FROM queueapp_waiting
                     WHERE owner_id = p_owner AND job_id = ANY (p_jobs) FOR UPDATE SKIP LOCKED);
    FOR part IN
        WITH taken_out AS (DELETE FROM queueapp_waiting WHERE ctid = ANY (places) RETURNING flow_id, job_id)
        SELECT flow_id, array_agg(job_id ORDER BY job_id) AS jobs FROM taken_out GROUP BY flow_id
    LOOP
        PERFORM queueapp_record(part.flow_id, ARRAY(
            SELECT ROW(job, p_owner, 'cancelled', 0, 0, 0, 0, '', NULL, '', '', NULL)::queueapp_job_outcome
              FROM unnest(part.jobs) AS job));
        cancelled := cancelled || part.jobs;
    END LOOP;
    RETURN cancelled;
END $$;
