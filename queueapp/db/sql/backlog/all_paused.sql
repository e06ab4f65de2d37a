-- Whether everything is paused: no turns are taken. A look into an index that has one row or none.
CREATE OR REPLACE FUNCTION queueapp_all_paused() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM queueapp_pause WHERE owner_id IS NULL AND task = '')
$$;
