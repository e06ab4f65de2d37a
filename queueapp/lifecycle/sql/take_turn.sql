-- One turn, one round trip: settle the last one, commit, claim the next.
-- In two transactions, so that each locks exactly one flow: in one, two processors would wait for each other's.
--   p_settle             whether there was a last turn; p_turn and the arrays: what came of it, as settle.sql takes it
--   p_claim              whether to take another
--   kept                 out: whether the last turn's lease still stood
--   turn, ids and so on  out: the turn, and its jobs, as claim.sql has them; null: there is nothing to do
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
    taken record;
    skip bigint[] := '{}';
BEGIN
    IF p_settle THEN
        kept := queueapp_settle(p_processor, p_turn, NULL, 0, p_jobs, p_owners, p_statuses, p_attempts, p_spent, p_ago,
                                p_progress, p_messages, p_results, p_errors, p_retries);
        COMMIT;
    END IF;
    -- Where everything is paused, no turn is taken; running jobs end and are settled as ever.
    WHILE p_claim AND NOT queueapp_all_paused() LOOP
        SELECT * INTO taken FROM queueapp_claim(p_processor, p_quantum, p_most, p_lease, skip);
        IF NOT taken.again THEN
            turn := taken.turn;
            ids := taken.ids;
            names := taken.names;
            owners := taken.owners;
            tasks := taken.tasks;
            payloads := taken.payloads;
            durations := taken.durations;
            attempts := taken.attempts;
            limits := taken.limits;
            EXIT;
        END IF;
        skip := taken.skip;
        COMMIT;
    END LOOP;
END $$;
