-- V, the virtual time at which a flow joins: the least of the ready flows, or the largest of all flows if none is
-- ready; never below the order start. A flow is ready if it has a backlog, is below its cap, and is not held.
-- Source: Goyal, Vin, Cheng, Start-time Fair Queuing, SIGCOMM 1996.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_virtual_time() RETURNS double precision
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    WITH order_start AS MATERIALIZED (SELECT queueapp_order_start() AS vtime)
    SELECT greatest(order_start.vtime, coalesce(
        (SELECT r.vtime FROM queueapp_first_ready('{}', order_start.vtime) r),
        (SELECT t.vtime FROM queueapp_flowstate t WHERE NOT ready ORDER BY t.vtime DESC, head DESC LIMIT 1),
        0.0)) FROM order_start
$$;
