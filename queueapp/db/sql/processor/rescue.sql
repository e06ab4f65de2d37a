-- Take back the turn of a processor whose lease ran out, or whose process ended.
--   p_processor, p_turn  the processor and the number of the turn
--   p_blame              the job whose attempt failed by that; null: unknown, or no job is at fault
--   p_most, p_error      maximum number of attempts, and the error of this one
--   p_alone              whether each job that goes back is to be taken in a turn of its own, so that the job at fault
--                        is known the next time
-- Jobs go back to their places with the attempts that they had. The blamed job counts one more, or has failed. A job
-- that was to be cancelled ends as cancelled; then no job is blamed. The flow is charged for the seconds that the
-- processor was seen at work. The processor gets a new turn number, so a late settlement changes nothing.
-- Returns the owners of the turn's jobs; none if the turn is not the processor's any more or has no jobs left.
-- Locks: the processor's row; the owner of an outcome (advisory, shared); the flow's state; pending moves (inserted);
-- order (advisory, shared) if the flow becomes ready.
CREATE OR REPLACE FUNCTION queueapp_rescue(
    p_processor bigint, p_turn bigint, p_blame bigint, p_most integer, p_error text, p_alone boolean
) RETURNS bigint[]
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    p queueapp_processor;
    failed bigint[] := '{}';
    owners bigint[];
    back_from bigint;
    seen_at_work double precision;
    lost smallint;
BEGIN
    SELECT * INTO p FROM queueapp_processor WHERE turn = p_turn FOR NO KEY UPDATE;
    IF p.id IS DISTINCT FROM p_processor OR cardinality(p.jobs) = 0 THEN
        RETURN '{}';
    END IF;

    seen_at_work := greatest(extract(epoch FROM p.seen_at - p.job_started_at), p.worked);

    -- The job to cancel ends. Otherwise the attempt of the blamed job failed: it gets another one, or ends.
    lost := p.attempts[array_position(p.jobs, CASE WHEN p.cancelling THEN p.job_id ELSE p_blame END)];
    IF p.cancelling THEN
        failed := ARRAY[p.job_id];
        PERFORM queueapp_record(p.flow_id, ARRAY[(id, owner_id, 'cancelled', lost, seen_at_work, 0, p.progress,
                                                  p.message, NULL, '', '', NULL)::queueapp_job_outcome])
           FROM queueapp_job_by_id(p.job_id);
    ELSIF lost IS NOT NULL THEN
        p.attempts[array_position(p.jobs, p_blame)] := lost + 1;
        IF lost % p_most = 0 THEN
            failed := ARRAY[p_blame];
        END IF;
        PERFORM queueapp_record(p.flow_id, ARRAY[(id, owner_id, 'failed', lost, seen_at_work, 0, p.progress,
                                                  p.message, NULL, p_error, '', NULL)::queueapp_job_outcome])
           FROM queueapp_job_by_id(p_blame)
          WHERE cardinality(failed) > 0;
        INSERT INTO queueapp_attempt (job_id, number, started_at, finished_at, time_spent, error, log)
        VALUES (p_blame, lost, p.job_started_at, p.seen_at, seen_at_work, p_error, '')
        ON CONFLICT DO NOTHING;
    END IF;

    SELECT array_agg(DISTINCT owner_id) INTO owners FROM queueapp_job WHERE id = ANY (p.jobs);
    PERFORM FROM queueapp_flowstate WHERE flow_id = p.flow_id FOR NO KEY UPDATE;
    back_from := queueapp_put_back(p, failed, p_alone);
    UPDATE queueapp_processor
       SET turn = nextval('queueapp_turn_number'), jobs = '{}', attempts = '{}', charged = 0, job_id = NULL,
           job_started_at = NULL, progress = 0, message = '', cancelling = false
     WHERE turn = p_turn;
    PERFORM queueapp_change_flow(p.flow_id, seen_at_work - p.charged, -1, back_from);
    RETURN owners;
END $$;
