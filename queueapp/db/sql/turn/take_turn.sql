-- Settle the last turn and claim the next, in one transaction and one round trip. This can lock two flow states. It
-- cannot deadlock: a claim that follows a settlement never waits for a flow state. If it would have to, the settlement
-- is committed first, and the caller repeats the claim alone.
--   p_turn      the number of the processor's last turn; 0: unknown
--   p_outcomes  what came of it: see record.sql; null: nothing is to be settled
--   p_claim     whether to claim a turn
--   skip        flows that were found empty, in and out; at first none
-- kept: whether the last turn was still the processor's. status, turn, jobs: see claim.sql. On status 'retry' commit,
-- and call again without outcomes. status 'retire': a turn is to be claimed, and staff asked the processor to end.
-- Raises QJ410 if a turn is to be claimed, nothing was settled, and the processor is unknown, draining, or in the
-- middle of a turn.
-- Locks: the processor's row; for the settlement as settle.sql; for the claim as claim.sql, which waits for a flow's
-- state only if nothing was settled.
CREATE OR REPLACE FUNCTION queueapp_take_turn(
    p_processor bigint, p_turn bigint, p_outcomes queueapp_job_outcome[], p_claim boolean,
    p_quantum double precision, p_most integer, p_lease double precision, INOUT skip bigint[],
    OUT kept boolean, OUT status text, OUT turn bigint, OUT jobs json
)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    -- A crash of the database server may then run a job again; it never loses one.
    asynchronous text := set_config('synchronous_commit', 'off', true);
    p queueapp_processor;
    claimed record;
    settled boolean := false;
BEGIN
    kept := true;
    status := 'idle';

    -- 1. The processor: until the commit nobody takes its turn away. By the turn first: every turn leaves a dead tuple
    -- with the same id, and while a transaction stays open elsewhere, a lookup by id reads all of them.
    SELECT * INTO p FROM queueapp_processor AS q WHERE q.turn = p_turn FOR NO KEY UPDATE;
    IF p.id IS DISTINCT FROM p_processor THEN
        SELECT * INTO p FROM queueapp_processor AS q WHERE q.id = p_processor FOR NO KEY UPDATE;
    END IF;

    -- 2. The last turn. It has no jobs left if it was settled before and is sent again because the answer was lost.
    IF p_outcomes IS NOT NULL THEN
        kept := p.turn IS NOT DISTINCT FROM p_turn;
        settled := kept AND cardinality(p.jobs) > 0;
        IF settled THEN
            PERFORM queueapp_settle(p, NULL, 0, p_outcomes);
        END IF;
    END IF;
    IF p_claim AND NOT settled AND (p.id IS NULL OR p.draining OR cardinality(p.jobs) > 0) THEN
        RAISE EXCEPTION 'processor % is unknown, draining or in the middle of a turn', p_processor
            USING ERRCODE = 'QJ410';
    END IF;

    -- 3. The next turn. None is taken while everything is paused; running jobs end and are settled as usual.
    IF p_claim AND p.retiring THEN
        status := 'retire';
    ELSIF p_claim AND NOT p.draining AND NOT queueapp_all_paused() THEN
        claimed := queueapp_claim(p, p_quantum, p_most, p_lease, NOT settled, skip);
        skip := claimed.skip;
        status := claimed.status;
        turn := claimed.turn;
        jobs := claimed.jobs;
    END IF;
    IF settled AND turn IS NULL THEN
        UPDATE queueapp_processor AS q
           SET jobs = '{}', attempts = '{}', charged = 0, job_id = NULL, job_started_at = NULL, progress = 0,
               message = '', seen_at = clock_timestamp()
         WHERE q.turn = p_turn;
    END IF;
END $$;
