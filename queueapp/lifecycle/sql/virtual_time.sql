-- V, the virtual time that a flow joins at: the least among the ready flows (they have a backlog and are below
-- their cap), or the largest of all flows where none is ready. Takes no locks.
-- Source: Goyal, Vin, Cheng, Start-time Fair Queuing, SIGCOMM 1996.
CREATE OR REPLACE FUNCTION queueapp_virtual_time() RETURNS double precision
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT coalesce(
        (SELECT vtime FROM queueapp_flow WHERE ready ORDER BY vtime, head LIMIT 1),
        (SELECT vtime FROM queueapp_flow WHERE NOT ready ORDER BY vtime DESC, head DESC LIMIT 1),
        0.0)
$$;
