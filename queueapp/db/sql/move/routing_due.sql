-- Whether owners are to be routed: rules changed, began or ended, or a pass is under way. Where the clock went back,
-- they are routed anew. By the clock, not by the transaction's begin: a pass may have ended since then. Takes no locks.
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
