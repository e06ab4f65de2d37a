-- What pieces of work add to the totals of flows.
--   p_pieces  the pieces: see ended.sql. One that ended before it was due, by a clock that was set back, is no work.
--   p_widths  the widths of buckets, in seconds: multiples of the shortest
--   p_from    buckets that begin earlier are left out: a multiple of every width
-- One row per width, bucket and flow; columns as in models/total.py. The time in which a flow was active may be covered
-- already: `active` has what is new. `covered` has the same as ranges, in buckets of 1800 s.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_added(p_pieces queueapp_piece[], p_widths integer[], p_from timestamptz)
RETURNS TABLE (
    width integer, begin timestamptz, flow bigint, got double precision, active double precision, change bigint,
    area double precision, asked double precision, dropped double precision, ended integer, failed integer,
    steps smallint[], starts integer[], covered tstzmultirange
)
-- The one join that has a choice is with the totals: by their key, whatever the statistics say.
LANGUAGE sql STABLE SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
    WITH wide AS (
        SELECT w AS width, make_interval(secs => w) AS long FROM unnest(p_widths) AS w
    ), shortest AS (
        SELECT long FROM wide ORDER BY long LIMIT 1
    ), given AS (
        SELECT * FROM unnest(p_pieces) AS p WHERE p.ended >= p_from
    ), piece AS (
        SELECT * FROM given g WHERE g.since < g.ended
    ),

    -- 1. The spells in which each flow was active, cut at half hours, less what the totals cover.
    spells AS (
        SELECT flow, unnest(range_agg(tstzrange(greatest(since, p_from), p.ended))) AS spell
          FROM piece p WHERE p.ended > p_from GROUP BY flow
    ), by_half_hour AS (
        SELECT flow, half, range_agg(spell * tstzrange(half, half + interval '30 min')) AS spells
          FROM spells CROSS JOIN LATERAL generate_series(
               date_bin('30 min', lower(spell), 'epoch'), upper(spell) - interval '1 us', interval '30 min') AS half
         GROUP BY flow, half
    ), anew AS (
        SELECT h.flow, unnest(h.spells - coalesce(t.covered, '{}')) AS spell
          FROM by_half_hour h
          LEFT JOIN queueapp_flowtotal t ON t.width = 1800 AND t.begin = h.half AND t.flow_id = h.flow
    ),

    -- 2. What changes in each bucket of the shortest width. What goes on from one bucket to the next adds to both.
    added(begin, flow, got, active, change, area, asked, dropped, ended, failed) AS (
        SELECT date_bin(long, since, 'epoch'), flow, 0::float8, 0::float8, sum(jobs),
               sum(jobs * date_part('epoch', date_bin(long, since, 'epoch') + long - since)), sum(seconds),
               0::float8, 0, 0
          FROM piece CROSS JOIN shortest WHERE since >= p_from GROUP BY 1, 2
         UNION ALL
        SELECT date_bin(long, p.ended, 'epoch'), flow, 0, 0, -sum(jobs),
               -sum(jobs * date_part('epoch', date_bin(long, p.ended, 'epoch') + long - p.ended)), 0,
               sum(seconds - coalesce(date_part('epoch', p.ended - started), 0)), 0, 0
          FROM piece p CROSS JOIN shortest GROUP BY 1, 2
         UNION ALL
        SELECT date_bin(long, g.ended, 'epoch'), flow, 0, 0, 0, 0, 0, 0,
               count(*), count(*) FILTER (WHERE status = 'failed')
          FROM given g CROSS JOIN shortest WHERE status IN ('succeeded', 'failed', 'cancelled') GROUP BY 1, 2
         UNION ALL
        SELECT bucket, flow, sum(date_part('epoch', least(p.ended, bucket + long) - greatest(started, bucket))),
               0, 0, 0, 0, 0, 0, 0
          FROM piece p CROSS JOIN shortest CROSS JOIN LATERAL generate_series(
               date_bin(long, greatest(started, p_from), 'epoch'), p.ended - interval '1 us', long) AS bucket
         WHERE started IS NOT NULL GROUP BY 1, 2
         UNION ALL
        SELECT bucket, flow, 0,
               date_part('epoch', least(upper(spell), bucket + long) - greatest(lower(spell), bucket)),
               0, 0, 0, 0, 0, 0
          FROM anew CROSS JOIN shortest CROSS JOIN LATERAL generate_series(
               date_bin(long, lower(spell), 'epoch'), upper(spell) - interval '1 us', long) AS bucket
    ), summed AS (
        SELECT begin, flow, sum(got) AS got, sum(active) AS active, sum(change) AS change, sum(area) AS area,
               sum(asked) AS asked, sum(dropped) AS dropped, sum(ended) AS ended, sum(failed) AS failed
          FROM added GROUP BY 1, 2
    ), waited AS (
        SELECT date_bin(long, started, 'epoch') AS begin, flow, queueapp_wait_step(since, started) AS step,
               sum(jobs) AS many
          FROM piece CROSS JOIN shortest WHERE started >= p_from GROUP BY 1, 2, 3
    ),

    -- 3. The buckets of every width, from those of the shortest. An area is counted up to the end of its bucket.
    wider(width, begin, flow, got, active, change, area, asked, dropped, ended, failed, steps, starts, spell) AS (
        SELECT w.width, date_bin(w.long, begin, 'epoch'), flow, sum(got), sum(active), sum(change),
               sum(area + change * date_part(
                   'epoch', date_bin(w.long, begin, 'epoch') + w.long - begin - shortest.long)),
               sum(asked), sum(dropped), sum(ended), sum(failed),
               NULL::smallint[], NULL::integer[], NULL::tstzrange
          FROM summed CROSS JOIN wide w CROSS JOIN shortest GROUP BY 1, 2, 3
         UNION ALL
        SELECT s.width, s.begin, flow, 0, 0, 0, 0, 0, 0, 0, 0,
               array_agg(step ORDER BY step), array_agg(many ORDER BY step), NULL
          FROM (SELECT w.width, date_bin(long, begin, 'epoch') AS begin, flow, step, sum(many)::int AS many
                  FROM waited CROSS JOIN wide w GROUP BY 1, 2, 3, 4) AS s
         GROUP BY 1, 2, 3
         UNION ALL
        SELECT w.width, date_bin(long, lower(spell), 'epoch'), flow, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, spell
          FROM anew CROSS JOIN wide w WHERE w.width = 1800
    )
    SELECT width, begin, flow, sum(got), sum(active), sum(change)::bigint, sum(area), sum(asked), sum(dropped),
           sum(ended)::int, sum(failed)::int, coalesce(max(steps), '{}'), coalesce(max(starts), '{}'),
           range_agg(spell) FILTER (WHERE spell IS NOT NULL)
      FROM wider GROUP BY 1, 2, 3
$$;
