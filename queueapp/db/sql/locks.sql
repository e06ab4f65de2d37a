-- The keys of the advisory locks, 64 bits each: the kind in the highest 16, an id in the others. No other file has any.
-- Processors of two versions work side by side during an upgrade: a key never changes.
-- Locks: none, except for queueapp_lock_routing().
CREATE OR REPLACE FUNCTION queueapp_lock_key(p_kind integer, p_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT (p_kind::bigint << 48) + p_id $$;

-- Routing: which flow owners' jobs join, and what is paused. Held shared by submit.sql, due.sql, move.sql, reorder.sql.
CREATE OR REPLACE FUNCTION queueapp_routing_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7200, 0) $$;

-- A flow: held shared while jobs are submitted to it. A claim needs it exclusively to put the flow to rest, and
-- reorder.sql to move jobs in it.
CREATE OR REPLACE FUNCTION queueapp_flow_lock(p_flow bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7201, p_flow) $$;

-- An owner: held shared from before outcomes are numbered until the commit; exclusively by readers that must miss none.
CREATE OR REPLACE FUNCTION queueapp_owner_lock(p_owner bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7202, p_owner) $$;

-- The order of the flows: held shared while a flow joins it or gets other terms; exclusively to move the order start.
CREATE OR REPLACE FUNCTION queueapp_order_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7204, 0) $$;

-- The signal of completed jobs: held exclusively by the session of the process that sends it.
CREATE OR REPLACE FUNCTION queueapp_signal_lock() RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT queueapp_lock_key(7205, 0) $$;

-- Lock routing, to change routes or pauses. Nobody submits meanwhile, so a client that is cut off must not keep the
-- lock: the server ends a session that is idle in this transaction for ten seconds.
-- Locks: routing (advisory, exclusive).
CREATE OR REPLACE FUNCTION queueapp_lock_routing() RETURNS void
LANGUAGE sql AS $$
    SELECT set_config('idle_in_transaction_session_timeout', '10s', true);
    SELECT pg_advisory_xact_lock(queueapp_routing_lock());
$$;
