-- The ready flow with the least virtual time; ties go to the job that was submitted first. No row if none is ready.
--   skip           flows to leave out
--   p_order_start  order_start.sql; a parameter, so that a caller that asks again reads it once
-- Without SET, so that PostgreSQL inlines it: callers switch off the plans that they must not get.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_first_ready(skip bigint[], p_order_start double precision)
RETURNS TABLE (flow_id bigint, revision bigint, vtime double precision, weight double precision)
LANGUAGE sql STABLE AS $$
    SELECT t.flow_id, t.revision, t.vtime, t.weight FROM queueapp_flowstate t
     WHERE t.ready AND t.vtime >= p_order_start AND t.flow_id <> ALL (skip) ORDER BY t.vtime, t.head LIMIT 1
$$;
