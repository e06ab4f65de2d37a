-- A job by its key, to be joined LATERAL, whatever the statistics say. Statistics from before many jobs were committed
-- say that there are none. The planner then finds it as cheap to read all jobs, or an index whose second column is the
-- id. Only the key's own index has the order that is asked for here.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_job_by_id(p_job bigint) RETURNS SETOF queueapp_job
LANGUAGE sql STABLE AS $$
    SELECT * FROM queueapp_job WHERE id >= p_job AND id <= p_job ORDER BY id LIMIT 1
$$;
