-- The row of a processor, locked: by the turn that it took last, or by its id where it has another by now; null: none.
-- By the turn first: every turn writes the row anew, and while a transaction stays open elsewhere, all its old versions
-- have to be walked to find it by its id.
CREATE OR REPLACE FUNCTION queueapp_lock_processor(p_processor bigint, p_turn bigint) RETURNS queueapp_processor
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    p queueapp_processor;
BEGIN
    SELECT * INTO p FROM queueapp_processor WHERE turn = p_turn FOR NO KEY UPDATE;
    IF p.id IS DISTINCT FROM p_processor THEN
        SELECT * INTO p FROM queueapp_processor WHERE id = p_processor FOR NO KEY UPDATE;
    END IF;
    RETURN p;
END $$;
