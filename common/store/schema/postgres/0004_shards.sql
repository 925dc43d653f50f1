-- The sites are cut in parts, each with a coordinator and a collector of its own.
ALTER TABLE meta ADD COLUMN shards bigint NOT NULL DEFAULT 1;

-- Where each part's states may be behind lines; meta.states_us is the earliest of all.
CREATE TABLE sweep (
    shard     bigint PRIMARY KEY,
    states_us bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO sweep SELECT 0, states_us FROM meta WHERE change > 0;

-- How each part's coordinator is, and how it sees the workers.
ALTER TABLE vitals DROP COLUMN one;
ALTER TABLE vitals ADD COLUMN shard bigint NOT NULL DEFAULT 0;
ALTER TABLE vitals ADD PRIMARY KEY (shard);
ALTER TABLE worker ADD COLUMN shard bigint NOT NULL DEFAULT 0;
ALTER TABLE worker DROP CONSTRAINT worker_pkey;
ALTER TABLE worker ADD PRIMARY KEY (worker, lane, shard);
