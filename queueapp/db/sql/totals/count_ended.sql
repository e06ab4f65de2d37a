-- Add work that has ended to the totals, each piece once.
--   p_widths  the widths of all buckets, in seconds
--   p_most    maximum number of outcomes, and of attempts
--   p_every   minimum seconds between two rounds
-- A round has two calls, each a transaction of its own. The first notes how far the sequences are, and then the id of
-- its transaction. Whoever drew a number up to there has a lower id, as it locked a row before. The second call counts
-- these numbers, once no transaction with a lower id runs: then none of them can become visible any more.
-- Returns whether there is more to do at once: numbers are noted, and not all of them are counted.
-- Locks: the cursor's row, which is only tried: one sweep counts at a time; then the rows of the totals.
CREATE OR REPLACE FUNCTION queueapp_count_ended(p_widths integer[], p_most bigint, p_every double precision)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    c queueapp_totalscursor;
    outcomes_to bigint;
    attempts_to bigint;
    pieces queueapp_piece[];
BEGIN
    -- Before the lock, which gives this transaction its id.
    SELECT last_value - (NOT is_called)::int INTO outcomes_to FROM queueapp_outcome_number;
    SELECT last_value - (NOT is_called)::int INTO attempts_to FROM queueapp_attempt_id_seq;

    INSERT INTO queueapp_totalscursor (id, outcomes, attempts)
    SELECT 1, 0, 0 WHERE NOT EXISTS (SELECT FROM queueapp_totalscursor) ON CONFLICT DO NOTHING;
    -- A round after a clock was set back must not wait until that moment comes again.
    SELECT * INTO c FROM queueapp_totalscursor
     WHERE noted_by IS NOT NULL OR counted_at IS NULL OR p_every = 0
        OR counted_at NOT BETWEEN clock_timestamp() - make_interval(secs => p_every) AND clock_timestamp()
       FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    -- 1. Note. If the noted id is still to come, the database was copied to another server: note anew.
    IF c.noted_by IS NULL OR c.noted_by > txid_current() THEN
        UPDATE queueapp_totalscursor
           SET noted_outcomes = outcomes_to, noted_attempts = attempts_to, noted_by = txid_current();
        RETURN true;
    END IF;

    -- 2. Count. The statements below see all that was committed by then.
    IF txid_snapshot_xmin(txid_current_snapshot()) < c.noted_by THEN
        RETURN true;
    END IF;
    outcomes_to := least(c.noted_outcomes, c.outcomes + p_most);
    attempts_to := least(c.noted_attempts, c.attempts + p_most);
    IF EXISTS (SELECT FROM queueapp_outcome WHERE number > c.outcomes AND number <= outcomes_to)
    OR EXISTS (SELECT FROM queueapp_attempt WHERE id > c.attempts AND id <= attempts_to) THEN
        pieces := ARRAY(SELECT p FROM queueapp_ended(c.outcomes, outcomes_to, c.attempts, attempts_to) AS p);
        PERFORM queueapp_count_flows(pieces, p_widths);
        PERFORM queueapp_count_tasks(pieces, p_widths);
        PERFORM queueapp_count_owners(c.outcomes, outcomes_to, c.attempts, attempts_to);
    ELSE  -- pruned long ago: go on from the next that there is
        SELECT coalesce(min(number) - 1, c.noted_outcomes) INTO outcomes_to
          FROM queueapp_outcome WHERE number > outcomes_to AND number <= c.noted_outcomes;
        SELECT coalesce(min(id) - 1, c.noted_attempts) INTO attempts_to
          FROM queueapp_attempt WHERE id > attempts_to AND id <= c.noted_attempts;
    END IF;
    IF outcomes_to = c.noted_outcomes AND attempts_to = c.noted_attempts THEN
        c.noted_by := NULL;
    END IF;
    UPDATE queueapp_totalscursor
       SET outcomes = outcomes_to, attempts = attempts_to, counted_at = clock_timestamp(), noted_by = c.noted_by;
    RETURN c.noted_by IS NOT NULL;
END $$;
