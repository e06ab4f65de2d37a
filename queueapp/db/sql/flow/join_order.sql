-- To be called by whoever lets a flow join the ready ones, or changes its weight, before it looks at V: until its
-- commit the order start does not pass it. Locks: order (advisory, shared).
CREATE OR REPLACE FUNCTION queueapp_join_order() RETURNS void
LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared(queueapp_order_lock())
$$;
