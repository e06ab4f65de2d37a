-- One turn, one round trip: settle the last one, commit, claim the next.
-- In two transactions, so that each locks exactly one flow: in one, two processors would wait for each other's.
-- answer, in: the outcomes of the last turn (null: there was none); out: {"kept": whether its lease still stood,
-- "turn", "jobs"} as in claim.sql, without a turn where there is nothing to do.
CREATE OR REPLACE PROCEDURE queueapp_take_turn(
    p_processor bigint, p_turn bigint, p_claim boolean, p_quantum double precision, p_most integer,
    p_lease double precision, INOUT answer jsonb
)
LANGUAGE plpgsql AS $$
DECLARE
    kept boolean := true;
    taken record;
    skip bigint[] := '{}';
BEGIN
    IF answer IS NOT NULL THEN
        kept := queueapp_settle(p_processor, p_turn, answer, NULL, 0);
        COMMIT;
    END IF;
    answer := jsonb_build_object('kept', kept);
    WHILE p_claim LOOP
        SELECT * INTO taken FROM queueapp_claim(p_processor, p_quantum, p_most, p_lease, skip);
        IF NOT taken.again THEN
            answer := answer || coalesce(taken.turn, '{}');
            EXIT;
        END IF;
        skip := taken.skip;
        COMMIT;
    END LOOP;
END $$;
