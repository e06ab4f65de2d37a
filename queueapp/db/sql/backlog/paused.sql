-- Whether jobs of this owner, or of this task, are not to be started. (For "everything" see all_paused.sql: that stops
-- the claims and moves no job.)
CREATE OR REPLACE FUNCTION queueapp_paused(p_owner bigint, p_task text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM queueapp_pause WHERE owner_id = p_owner)
        OR EXISTS (SELECT FROM queueapp_pause WHERE task = p_task AND task <> '')
$$;
