-- Write outcomes. They are numbered while every owner among them is locked until the commit, so that one owner's
-- outcomes are numbered in the order in which they can be seen: a reader that asks for all after the last number
-- it saw misses none.
--   p_flow      the flow that they were in
--   p_outcomes  [{"job", "owner", "status", "attempt", "spent", "ago", "progress", "message", "result", "error"}]
--               spent: processor seconds; ago: seconds since it ended
-- Locks: each owner (advisory), lowest first.
CREATE OR REPLACE FUNCTION queueapp_record(p_flow bigint, p_outcomes jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7202, owner) FROM (
        SELECT DISTINCT o.owner FROM jsonb_to_recordset(p_outcomes) AS o(owner int) ORDER BY o.owner
    ) AS owners;
    INSERT INTO queueapp_outcome (job_id, owner_id, flow_id, number, status, attempt, started_at, finished_at,
                                  time_spent, progress, message, result, error)
    SELECT o.job, o.owner, p_flow, nextval('queueapp_outcome_number'), o.status, o.attempt,
           CASE WHEN o.attempt > 0 THEN clock_timestamp() - make_interval(secs => o.ago + o.spent) END,
           clock_timestamp() - make_interval(secs => o.ago),
           o.spent, o.progress, o.message, o.result, o.error
      FROM jsonb_to_recordset(p_outcomes) AS o(
           job bigint, owner bigint, status text, attempt smallint, spent double precision, ago double precision,
           progress double precision, message text, result jsonb, error text)
    ON CONFLICT (job_id) DO NOTHING;
END $$;
