-- A job, to be joined LATERAL: by its key, whatever the statistics say. Where they were taken before many jobs were
-- committed, they say that there are none, and the planner thinks it as cheap to walk all of them, or an index in which
-- the id comes second. Only the key's own index is in the order asked for here. Takes no locks.
CREATE OR REPLACE FUNCTION queueapp_job_by_id(p_job bigint) RETURNS SETOF queueapp_job
LANGUAGE sql STABLE AS $$
    SELECT * FROM queueapp_job WHERE id >= p_job AND id <= p_job ORDER BY id LIMIT 1
$$;
