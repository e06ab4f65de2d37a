-- The jobs whose outcomes have numbers above p_after and up to p_upto, by number; at most p_most.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_completed(p_after bigint, p_upto bigint, p_most integer)
RETURNS TABLE (number bigint, job bigint)
-- A few outcomes among very many, whatever the statistics say.
LANGUAGE sql STABLE SET enable_seqscan = off AS $$
    SELECT o.number, o.job_id FROM queueapp_outcome o WHERE o.number > p_after AND o.number <= p_upto
     ORDER BY o.number LIMIT p_most
$$;
