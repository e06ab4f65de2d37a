-- Let jobs that failed or were cancelled wait again, in their places, not before their run_at, each with another row of
-- attempts. Their outcomes are deleted. Their attempts are numbered on; one that was cancelled does not count.
--   p_jobs  the jobs
--   p_most  attempts of a job from which it is left alone: their number is a smallint, and all are told of
-- Returns how many of the jobs wait again.
-- Locks: the outcomes' rows, by job.
CREATE OR REPLACE FUNCTION queueapp_try_again(p_jobs bigint[], p_most integer) RETURNS integer
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    ended bigint[];
BEGIN
    ended := ARRAY(SELECT job_id FROM queueapp_outcome o
                    WHERE job_id = ANY (p_jobs) AND status IN ('failed', 'cancelled')
                      AND coalesce((SELECT max(number) FROM queueapp_attempt a WHERE a.job_id = o.job_id), 0) < p_most
                    ORDER BY job_id FOR UPDATE);
    DELETE FROM queueapp_outcome WHERE job_id = ANY (ended);
    INSERT INTO queueapp_waiting (owner_id, job_id, flow_id, not_before, expected, attempt, moved_to)
    SELECT j.owner_id, j.id, NULL, greatest(j.run_at, clock_timestamp()), j.duration,
           coalesce((SELECT max(number) FROM queueapp_attempt a WHERE a.job_id = j.id), 0) + 1,
           j.moved_to
      FROM unnest(ended) AS job, queueapp_job_by_id(job) AS j;
    RETURN cardinality(ended);
END $$;
