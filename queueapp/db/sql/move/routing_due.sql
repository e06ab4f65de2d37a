-- Whether owners are to be routed: rules changed, began or ended, a pass is under way, or there was none yet. After the
-- clock was set back, owners are routed again. Compares with the clock, not with the begin of the transaction: a pass
-- may have ended since then.
-- Locks: none.
CREATE OR REPLACE FUNCTION queueapp_routing_due() RETURNS boolean
LANGUAGE sql AS $$
    SELECT EXISTS (SELECT FROM queueapp_rulechange)
        OR NOT EXISTS (
           SELECT FROM queueapp_routing r
            WHERE r.id = 1 AND r.begun IS NULL AND r.followed <= clock_timestamp()
              AND NOT EXISTS (
                  SELECT FROM queueapp_priorityrule p
                   WHERE p.active AND (p.valid_from > r.followed AND p.valid_from <= clock_timestamp()
                                       OR p.valid_until > r.followed AND p.valid_until <= clock_timestamp())))
$$;
