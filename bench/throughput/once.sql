UPDATE bench_bare SET state = 'done' WHERE id = ANY (ARRAY(
    SELECT id FROM bench_bare WHERE state = 'waiting' ORDER BY id LIMIT :turn FOR UPDATE SKIP LOCKED)) RETURNING id;
