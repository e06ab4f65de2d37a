-- What each flow had to do and got done over a span that is cut into slices. Continues found.sql. One row per flow: its
-- id (0: not known; null: all those beyond the first `most`, as one), how many flows that is, weight, cap, and, with a
-- number for each slice, got, active, present and asked in seconds, as policy/shares.py has them.
--   length, width, slices  of the span and of one slice, in seconds; how many slices
--   most                   how many flows are told apart, those that got most
,

-- 1. The same in seconds since the span began; less what was done before.
work AS (
    SELECT coalesce(flow, 0) AS flow, jobs, date_part('epoch', since - %(begin)s) AS since,
           date_part('epoch', started - %(begin)s) AS start, date_part('epoch', ended - %(begin)s) AS until,
           seconds - greatest(date_part('epoch', %(begin)s - started), 0) AS asked
      FROM found WHERE since < least(ended, %(until)s)
),

-- 2. Cut to the span. `reach`: until when what came earlier kept the flow active.
cut AS (
    SELECT flow, jobs, asked, greatest(since, 0) AS since, least(until, %(length)s) AS until,
           CASE WHEN start IS NOT NULL THEN least(greatest(start, 0), %(length)s) END AS start,
           least(coalesce(max(until) OVER earlier, 0), %(length)s) AS reach
      FROM work
    WINDOW earlier AS (PARTITION BY flow ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),

-- 3. Grouped by the slices in which it changes anything: far fewer rows for all that follows.
grouped AS (
    SELECT flow, floor(since / %(width)s) AS comes, floor(start / %(width)s) AS starts,
           floor(until / %(width)s) AS goes, floor(greatest(since, reach) / %(width)s) AS wakes,
           floor(greatest(until, reach) / %(width)s) AS rests,
           sum(jobs) AS jobs, count(start) AS started, count(*) AS many, sum(asked) AS asked,
           sum(jobs * since) AS comes_at, sum(start) AS starts_at, sum(jobs * until) AS goes_at,
           sum(until) FILTER (WHERE start IS NOT NULL) AS stops_at,
           sum(greatest(since, reach)) AS wakes_at, sum(greatest(until, reach)) AS rests_at
      FROM cut GROUP BY 1, 2, 3, 4, 5, 6
),

-- 4. What changes in which slice: by how many more (or fewer) jobs are present, processors at work, and the flow
-- active; each with the sum of the moments at which it does.
changes AS (
    SELECT flow, slice, sum(present) AS present, sum(present_at) AS present_at, sum(got) AS got,
           sum(got_at) AS got_at, sum(active) AS active, sum(active_at) AS active_at, sum(c.asked) AS asked
      FROM grouped CROSS JOIN LATERAL (VALUES
           (comes, jobs, comes_at, 0, 0, 0, 0, asked),
           (starts, 0, 0, started, starts_at, 0, 0, 0),
           (goes, -jobs, -goes_at, -started, -coalesce(stops_at, 0), 0, 0, 0),
           (wakes, 0, 0, 0, 0, many, wakes_at, 0),
           (rests, 0, 0, 0, 0, -many, -rests_at, 0)
           ) AS c(slice, present, present_at, got, got_at, active, active_at, asked)
     WHERE slice < %(slices)s
     GROUP BY flow, slice
),

-- 5. In every slice: as many as there were before it, for its whole width, and each change from its moment on.
counted AS (
    SELECT flow, slice, coalesce(asked, 0) AS asked,
           greatest(coalesce(sum(present) OVER before, 0) * %(width)s
                    + coalesce(present * (slice + 1) * %(width)s - present_at, 0), 0) AS present,
           greatest(coalesce(sum(got) OVER before, 0) * %(width)s
                    + coalesce(got * (slice + 1) * %(width)s - got_at, 0), 0) AS got,
           greatest(coalesce(sum(active) OVER before, 0) * %(width)s
                    + coalesce(active * (slice + 1) * %(width)s - active_at, 0), 0) AS active
      FROM (SELECT DISTINCT flow FROM changes) AS flows
     CROSS JOIN generate_series(0, %(slices)s - 1) AS slice
      LEFT JOIN changes USING (flow, slice)
    WINDOW before AS (PARTITION BY flow ORDER BY slice ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),

-- 6. The flows beyond the first `most` become one of weight 1, which claims what they claim together.
ranked AS (
    SELECT flow, rank() OVER (ORDER BY sum(got) DESC, flow) <= %(most)s AS told FROM counted GROUP BY flow
), told AS (
    SELECT CASE WHEN told THEN flow END AS flow, slice, count(*) AS many,
           CASE WHEN told THEN coalesce(min(f.weight), 1) ELSE 1 END AS weight,
           CASE WHEN told THEN min(f.cap) END AS cap, sum(got) AS got, sum(present) AS present, sum(asked) AS asked,
           sum(CASE WHEN told THEN active ELSE active * coalesce(f.weight, 1) END) AS active
      FROM counted JOIN ranked USING (flow) LEFT JOIN queueapp_flow f ON f.id = flow
     GROUP BY 1, slice, told
)
SELECT flow, min(many), min(weight), min(cap), array_agg(got::float8 ORDER BY slice),
       array_agg(active::float8 ORDER BY slice), array_agg(present::float8 ORDER BY slice),
       array_agg(asked::float8 ORDER BY slice)
  FROM told GROUP BY flow
