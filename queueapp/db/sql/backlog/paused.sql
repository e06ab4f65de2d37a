-- Whether jobs of this owner or of this task are paused. A pause of everything does not count (all_paused.sql): it
-- stops the claims and moves no job.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_paused(p_owner bigint, p_task text) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM queueapp_pause WHERE owner_id = p_owner)
        OR EXISTS (SELECT FROM queueapp_pause WHERE task = p_task AND task <> '')
$$;
