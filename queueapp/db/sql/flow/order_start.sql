-- The virtual time below which no flow is ready (move_order_start.sql); -infinity if none is stored. Every turn leaves
-- two dead entries of its flow in the index of the order, most of them below it. A scan that starts here does not read
-- them, even while a transaction is open elsewhere and VACUUM cannot remove them.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_order_start() RETURNS double precision
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT coalesce((SELECT vtime FROM queueapp_orderstart WHERE id = 1), '-infinity')
$$;
