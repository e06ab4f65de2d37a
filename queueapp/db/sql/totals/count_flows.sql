-- Add pieces of work to the totals of their flows.
--   p_pieces  the pieces: see ended.sql
--   p_widths  the widths of all buckets, in seconds
-- Locks: the rows that it writes; the caller has locked the cursor, so nobody else writes them.
CREATE OR REPLACE FUNCTION queueapp_count_flows(p_pieces queueapp_piece[], p_widths integer[]) RETURNS void
LANGUAGE sql SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
    INSERT INTO queueapp_flowtotal AS t (width, begin, flow_id, got, active, change, area, asked, dropped, ended,
                                         failed, steps, starts, covered)
    SELECT a.width, a.begin, a.flow, a.got, a.active, a.change, a.area, a.asked, a.dropped, a.ended, a.failed,
           coalesce(s.steps, '{}'), coalesce(s.starts, '{}'), a.covered
      FROM queueapp_added(p_pieces, p_widths, '-infinity') a
      LEFT JOIN queueapp_flowtotal o ON o.width = a.width AND o.begin = a.begin AND o.flow_id = a.flow
     CROSS JOIN LATERAL queueapp_merged_steps(a.steps, a.starts, o.steps, o.starts) AS s
    ON CONFLICT (width, begin, flow_id) DO UPDATE
       SET got = t.got + excluded.got, active = t.active + excluded.active, change = t.change + excluded.change,
           area = t.area + excluded.area, asked = t.asked + excluded.asked, dropped = t.dropped + excluded.dropped,
           ended = t.ended + excluded.ended, failed = t.failed + excluded.failed, steps = excluded.steps,
           starts = excluded.starts,
           covered = coalesce(t.covered + excluded.covered, t.covered, excluded.covered)
$$;
