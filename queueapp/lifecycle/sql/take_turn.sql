-- One turn, one round trip: settle the last one, commit, claim the next.
-- In two transactions, so that each locks exactly one flow, and nobody waits for a settled one longer than it takes to
-- charge it: in one, processors that work for the same flow would stand in line behind each other's claims.
--   p_turn      the processor's last turn; 0: it does not know
--   p_settle    whether that is to be settled; the arrays: what came of it, as settle.sql takes it
--   p_claim     whether to take another
--   kept        out: whether the last turn was still the processor's
--   turn, ids and so on  out: the turn, and its jobs, as claim.sql has them; null: there is nothing to do
-- Raises QJ410 as claim.sql does; what was settled stays so.
-- Locks: the processor's row, the owners (record.sql), the flow's row; after the commit as claim.sql.
CREATE OR REPLACE PROCEDURE queueapp_take_turn(
    p_processor bigint, p_claim boolean, p_quantum double precision, p_most integer, p_lease double precision,
    p_settle boolean, p_turn bigint, p_jobs bigint[], p_owners bigint[], p_statuses text[], p_attempts smallint[],
    p_spent double precision[], p_ago double precision[], p_progress double precision[], p_messages text[],
    p_results jsonb[], p_errors text[], p_retries double precision[],
    INOUT kept boolean DEFAULT true, INOUT turn bigint DEFAULT NULL, INOUT ids bigint[] DEFAULT NULL,
    INOUT names text[] DEFAULT NULL, INOUT owners bigint[] DEFAULT NULL, INOUT tasks text[] DEFAULT NULL,
    INOUT payloads text[] DEFAULT NULL, INOUT durations double precision[] DEFAULT NULL,
    INOUT attempts smallint[] DEFAULT NULL, INOUT limits double precision[] DEFAULT NULL
)
LANGUAGE plpgsql AS $$
DECLARE
    p queueapp_processor;
    again boolean := p_claim;
    skip bigint[] := '{}';
BEGIN
    -- 1. The last turn. One that was settled before, and is sent again as the answer was lost, has no jobs left.
    p := queueapp_lock_processor(p_processor, p_turn);
    IF p_settle THEN
        kept := p.turn IS NOT DISTINCT FROM p_turn;
        IF kept AND cardinality(p.jobs) > 0 THEN
            PERFORM queueapp_settle(p, NULL, 0, p_jobs, p_owners, p_statuses, p_attempts, p_spent, p_ago,
                                    p_progress, p_messages, p_results, p_errors, p_retries);
            UPDATE queueapp_processor AS q
               SET jobs = '{}', attempts = '{}', charged = 0, job_id = NULL, job_started_at = NULL, progress = 0,
                   message = '', seen_at = clock_timestamp()
             WHERE q.turn = p_turn;
        END IF;
        COMMIT;
    END IF;

    -- 2. The next turn. Where everything is paused, none is taken; running jobs end and are settled as ever.
    WHILE again AND NOT queueapp_all_paused() LOOP
        SELECT * INTO skip, again, turn, ids, names, owners, tasks, payloads, durations, attempts, limits
          FROM queueapp_claim(p, p_quantum, p_most, p_lease, skip);
        EXIT WHEN NOT again;
        COMMIT;
    END LOOP;
END $$;
