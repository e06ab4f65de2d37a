-- Let a job that failed or was cancelled wait again, in its place, with another row of attempts. Its outcome is
-- deleted. Its attempts are numbered on; one that was cancelled does not count. Returns whether there was such an
-- outcome.
-- Locks: the outcome's row.
CREATE OR REPLACE FUNCTION queueapp_try_again(p_job bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM queueapp_outcome WHERE job_id = p_job AND status IN ('failed', 'cancelled');
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt)
    SELECT owner_id, id, NULL, clock_timestamp(), duration,
           coalesce((SELECT max(number) FROM queueapp_attempt a WHERE a.job_id = p_job), 0) + 1
      FROM queueapp_job WHERE id = p_job;
    RETURN true;
END $$;
