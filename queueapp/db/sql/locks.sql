-- The keys of the advisory locks, 64 bits each: the kind in the highest 16, an id in the others. No other place has
-- them.
CREATE OR REPLACE FUNCTION queueapp_lock_key(p_kind integer, p_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT (p_kind::bigint << 48) + p_id $$;

-- Routing: which flow owners' jobs join, and what is paused. Shared by whoever puts jobs into flows.
CREATE OR REPLACE FUNCTION queueapp_routing_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7200, 0) $$;

-- A flow: held shared while jobs are submitted to it, so that it is not put to rest.
CREATE OR REPLACE FUNCTION queueapp_flow_lock(p_flow bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7201, p_flow) $$;

-- An owner: held shared while outcomes are numbered; exclusively by whoever is to miss none.
CREATE OR REPLACE FUNCTION queueapp_owner_lock(p_owner bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7202, p_owner) $$;

-- The order of the flows: held shared while one joins it; exclusively to raise the order start.
CREATE OR REPLACE FUNCTION queueapp_order_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7204, 0) $$;

-- Change routes or pauses: nobody submits meanwhile. So a client that is cut off in the middle of its transaction must
-- not keep the lock: the server ends the session of one that says nothing for ten seconds.
CREATE OR REPLACE FUNCTION queueapp_lock_routing() RETURNS void
LANGUAGE sql AS $$
    SELECT set_config('idle_in_transaction_session_timeout', '10s', true);
    SELECT pg_advisory_xact_lock(queueapp_routing_lock());
$$;
