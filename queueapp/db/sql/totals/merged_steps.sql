-- Two counts of waits as one: steps (see wait_step.sql), and how many waited that long. Null: none.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_merged_steps(
    p_steps smallint[], p_starts integer[], p_more_steps smallint[], p_more_starts integer[],
    OUT steps smallint[], OUT starts integer[]
)
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF coalesce(cardinality(p_steps), 0) = 0 THEN
        steps := p_more_steps;
        starts := p_more_starts;
    ELSIF coalesce(cardinality(p_more_steps), 0) = 0 THEN
        steps := p_steps;
        starts := p_starts;
    ELSE
        SELECT array_agg(step ORDER BY step), array_agg(many ORDER BY step) INTO steps, starts
          FROM (SELECT step, sum(m)::int AS many
                  FROM (SELECT * FROM unnest(p_steps, p_starts)
                         UNION ALL
                        SELECT * FROM unnest(p_more_steps, p_more_starts)) AS both_counts(step, m)
                 GROUP BY step) AS merged;
    END IF;
END $$;
