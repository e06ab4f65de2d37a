-- Take back the turn of a processor that gave no sign of life, or whose process ended.
--   p_processor, p_turn  whose turn
--   p_blame              the job whose attempt has failed with that; null: nobody knows, or it is no job's fault
--   p_most, p_error      attempts at most, and the error of this one
--   p_singly             expected seconds, at least, of what goes back: a quantum has each taken in a turn of its own,
--                        so that the one at fault is known the next time; 0: as declared
-- Jobs go back to their places, all but the blamed one as they were; one that was to be cancelled is. The flow is
-- charged for the seconds that the processor was seen at work. The processor's turn moves on, so that a late settlement
-- of it changes nothing. Returns the owners whose jobs it touched. Locks: the processor's row, the owners (record.sql),
-- the flow's state.
CREATE OR REPLACE FUNCTION queueapp_rescue(
    p_processor bigint, p_turn bigint, p_blame bigint, p_most integer, p_error text, p_singly double precision
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

    -- The job to blame, where there is one: its attempt failed. One attempt more, or its end.
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
    back_from := queueapp_put_back(p, failed, p_singly);
    UPDATE queueapp_processor
       SET turn = nextval('queueapp_turn_number'), jobs = '{}', attempts = '{}', charged = 0, job_id = NULL,
           job_started_at = NULL, progress = 0, message = '', cancelling = false
     WHERE turn = p_turn;
    PERFORM queueapp_change_flow(p.flow_id, seen_at_work - p.charged, -1, back_from);
    RETURN owners;
END $$;
