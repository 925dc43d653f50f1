-- The sites are cut in parts, each with a coordinator and a collector of its own.
ALTER TABLE meta ADD COLUMN shards INTEGER NOT NULL DEFAULT 1;

-- Where each part's states may be behind lines; meta.states_us is the earliest of all.
CREATE TABLE sweep (
    shard     INTEGER PRIMARY KEY,
    states_us INTEGER NOT NULL
) STRICT;
INSERT INTO sweep SELECT 0, states_us FROM meta WHERE change > 0;

-- How each part's coordinator is, and how it sees the workers.
CREATE TABLE vitals_new (
    shard        INTEGER PRIMARY KEY,
    epoch        INTEGER NOT NULL,
    at_us        INTEGER NOT NULL,
    started_us   INTEGER NOT NULL,
    sites        INTEGER NOT NULL,
    scheduled    INTEGER NOT NULL,
    concluded    INTEGER NOT NULL,
    missed       INTEGER NOT NULL,
    confirming   INTEGER NOT NULL,
    again        INTEGER NOT NULL,
    in_flight    INTEGER NOT NULL,
    waiting      INTEGER NOT NULL,
    late_p50_us  INTEGER NOT NULL,
    late_p99_us  INTEGER NOT NULL,
    late_max_us  INTEGER NOT NULL,
    dropped      INTEGER NOT NULL
) STRICT;
INSERT INTO vitals_new SELECT 0, epoch, at_us, started_us, sites, scheduled, concluded, missed, confirming,
    again, in_flight, waiting, late_p50_us, late_p99_us, late_max_us, dropped FROM vitals;
DROP TABLE vitals;
ALTER TABLE vitals_new RENAME TO vitals;

CREATE TABLE worker_new (
    worker    TEXT NOT NULL,
    lane      INTEGER NOT NULL,
    shard     INTEGER NOT NULL,
    location  TEXT NOT NULL,
    software  TEXT NOT NULL,
    health    INTEGER NOT NULL,
    doubts    INTEGER NOT NULL,
    joined_us INTEGER NOT NULL,
    heard_us  INTEGER NOT NULL,
    slots     INTEGER NOT NULL,
    in_hand   INTEGER NOT NULL,
    done      INTEGER NOT NULL,
    named_us  INTEGER NOT NULL, -- when the coordinator last spoke of it
    descriptors      INTEGER NOT NULL,
    descriptors_most INTEGER NOT NULL,
    PRIMARY KEY (worker, lane, shard)
) STRICT, WITHOUT ROWID;
INSERT INTO worker_new SELECT worker, lane, 0, location, software, health, doubts, joined_us, heard_us,
    slots, in_hand, done, named_us, descriptors, descriptors_most FROM worker;
DROP TABLE worker;
ALTER TABLE worker_new RENAME TO worker;
