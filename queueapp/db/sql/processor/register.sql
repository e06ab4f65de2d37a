-- Insert the row of a new processor; return its id. Moments are by the database's clock, as of every lease. In a cluster
-- that is being stopped, it drains, too.
--   p_lease  seconds until the lease runs out
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_register(
    p_cluster text, p_host text, p_pid integer, p_lease double precision
) RETURNS bigint
LANGUAGE sql AS $$
    INSERT INTO queueapp_processor (cluster, host, pid, started_at, seen_at, lease_until, draining, jobs, attempts,
                                    charged, worked, cancelling, progress, message)
    VALUES (p_cluster, p_host, p_pid, clock_timestamp(), clock_timestamp(),
            clock_timestamp() + make_interval(secs => p_lease),
            EXISTS (SELECT FROM queueapp_processor WHERE cluster = p_cluster AND draining),
            '{}', '{}', 0, 0, false, 0, '')
    RETURNING id
$$;
