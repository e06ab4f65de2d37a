-- The place of a waiting job in the order of its flow.
--   p_moved_to  the place that its owner moved it to; null: its own, in the order of submission
--   p_job       its id
-- Own places lie 2^20 apart, so that jobs can be moved between two of them. PostgreSQL inlines the function: the
-- expression is that of the index waiting_in_order. Ties go to the lower id.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_place_of(p_moved_to bigint, p_job bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce(p_moved_to, p_job * 1048576) $$;
