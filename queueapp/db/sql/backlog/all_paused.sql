-- Whether everything is paused, so that no turn is taken. Reads an index of at most one row.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_all_paused() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM queueapp_pause WHERE owner_id IS NULL AND task = '')
$$;
