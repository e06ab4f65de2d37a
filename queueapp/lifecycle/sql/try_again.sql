-- Give a job that failed or was cancelled another row of attempts: its outcome goes, and it waits again, in its place.
-- An attempt that was cancelled does not count. Returns whether there was such an outcome. Locks: the outcome's row.
CREATE OR REPLACE FUNCTION queueapp_try_again(p_job bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    ended queueapp_outcome;
BEGIN
    DELETE FROM queueapp_outcome WHERE job_id = p_job AND status IN ('failed', 'cancelled') RETURNING * INTO ended;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt)
    SELECT owner_id, id, NULL, clock_timestamp(), duration,
           greatest(ended.attempt + (ended.status = 'failed')::int, 1)
      FROM queueapp_job WHERE id = p_job;
    RETURN true;
END $$;
