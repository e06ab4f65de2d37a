-- How long the jobs that started in a span had waited, in steps of a fiftieth: for each flow of `told` (null: all others)
-- and each step how many. A step is round(50 * ln(seconds)); to sort millions of waits would take far longer.
-- Continues found.sql.
SELECT CASE WHEN flow = ANY (%(told)s::bigint[]) THEN flow END,
       round(50 * ln(greatest(date_part('epoch', started - since), 0.001)))::int, count(*)
  FROM found WHERE started >= %(begin)s AND started < %(until)s
 GROUP BY 1, 2
