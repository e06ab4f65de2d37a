-- The virtual time below which no flow is ready: see move_order_start.sql. Every turn leaves two old entries of its
-- flow in the order of the flows, most of them below: they are not walked, though they cannot be cleared away while a
-- transaction stays open elsewhere.
CREATE OR REPLACE FUNCTION queueapp_order_start() RETURNS double precision
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT coalesce((SELECT vtime FROM queueapp_orderstart WHERE id = 1), '-infinity')
$$;
