-- Settle a turn, or the finished part of it: write outcomes, put back jobs, charge what was really spent, and learn how
-- that compares with what was declared.
--   p              the processor; the caller has locked its row, and writes it
--   p_keep         the job that still runs; null: the turn is over
--   p_kept_charge  processor seconds that the flow stays charged for p_keep; 0 without one
--   p_outcomes     what came of the finished jobs: see record.sql
-- Jobs of the turn that are neither recorded nor kept have not been started: they go back to their places.
-- Locks: the owners (record.sql); then, late as claims wait for it, the flow's state; pending moves (inserted) if jobs
-- go back; order (advisory, shared) if the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_settle(
    p queueapp_processor, p_keep bigint, p_kept_charge double precision, p_outcomes queueapp_job_outcome[]
) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    spent double precision := 0;
    declared double precision := 0;
    over bigint[];
    back_from bigint;
BEGIN
    -- 1. What came of the jobs.
    IF cardinality(p_outcomes) > 0 THEN
        spent := queueapp_record(p.flow_id, p_outcomes);
        declared := CASE WHEN spent = 0 THEN 0  -- none of them was run: their task is unknown here
                         WHEN cardinality(p.jobs) = cardinality(p_outcomes) THEN p.declared
                         ELSE (SELECT sum(greatest(duration, 1e-6)) FROM unnest(p_outcomes) AS o, queueapp_job_by_id(o.job)) END;
    END IF;

    -- 2. Jobs that were not started go back.
    IF cardinality(p.jobs) > cardinality(p_outcomes) + (p_keep IS NOT NULL)::int THEN
        over := ARRAY(SELECT job FROM unnest(p_outcomes));
        PERFORM FROM queueapp_flowstate WHERE flow_id = p.flow_id FOR NO KEY UPDATE;
        back_from := queueapp_put_back(p, over || coalesce(p_keep, 0), false);
    END IF;

    -- 3. The flow. Charge at least what heartbeats have reported: the order start relies on that.
    PERFORM queueapp_change_flow(p.flow_id, greatest(spent + p_kept_charge, p.worked) - p.charged,
                                 -(p_keep IS NULL)::int, back_from, p_spent => spent, p_declared => declared);
END $$;
