-- The transactions that may have drawn numbers of outcomes and have not ended: those that hold an owner's lock, shared.
-- They took it before the first number (record.sql, cancel.sql).
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_settling() RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT virtualtransaction FROM pg_locks
     WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted AND objsubid = 1
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND classid::bigint >> 16 = queueapp_owner_lock(0) >> 48
$$;
