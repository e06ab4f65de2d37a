-- Set the heads of flows that waiting jobs have been taken out of by other than a claim: ties are decided by them. A
-- flow in which nothing waits any more keeps its own, and goes to rest at its next claim.
--   p_flows  the flows, their states locked by the caller
CREATE OR REPLACE FUNCTION queueapp_find_heads(p_flows bigint[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE queueapp_flowstate t SET revision = revision + 1, head = w.job_id
      FROM unnest(p_flows) AS l(id)
     CROSS JOIN LATERAL (SELECT job_id FROM queueapp_waiting WHERE flow_id = l.id ORDER BY job_id LIMIT 1) AS w
     WHERE t.flow_id = l.id AND t.backlogged AND t.head IS DISTINCT FROM w.job_id
$$;
