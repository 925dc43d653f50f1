-- The layout in PostgreSQL: the same tables as SQLite's, in the schema that the
-- connection's search_path begins with. Times are wall-clock microseconds (_us)
-- unless the column's name says otherwise; enums are the numbers of the headers;
-- 0 and 1 stand for false and true. What is unsigned and of 32 bits is a bigint.

-- Which layout this is: the number of the last step.
CREATE TABLE layout (
    one     int PRIMARY KEY CHECK (one = 1),
    version int NOT NULL
);
COMMENT ON TABLE layout IS 'store of Vedette';

-- Who is at work with this store. The lock is an advisory one of the holder's
-- connection; here is since when, who, and the lease. A holder's writes carry its epoch.
CREATE TABLE claim (
    role       int NOT NULL,
    shard      int NOT NULL,
    epoch      bigint NOT NULL,
    backend    int NOT NULL,       -- the server's process for the holder's connection
    pid        bigint NOT NULL,
    host       text NOT NULL,
    taken_at   timestamptz NOT NULL,
    renewed_at timestamptz NOT NULL,
    PRIMARY KEY (role, shard)
) WITH (fillfactor = 50);

-- One row: what is counted or remembered once for the whole store.
CREATE TABLE meta (
    one            int PRIMARY KEY CHECK (one = 1),
    change         bigint NOT NULL, -- number of the newest edit
    epoch          bigint NOT NULL, -- the newest coordinator's
    looks          bigint NOT NULL, -- lines in the ledger; counting them would take minutes
    rolled_up_us   bigint NOT NULL, -- every line with an earlier slot is in the roll-ups
    spans_until_us bigint NOT NULL, -- no missed span reaches beyond this slot
    pruned_us      bigint NOT NULL, -- lines with earlier slots have been forgotten
    states_us      bigint NOT NULL, -- states may be behind lines from here on
    packed_us      bigint NOT NULL, -- an hour's beginning: earlier lines are in history
    packing_site   bigint NOT NULL, -- of that hour, sites with lower ids have their row already
    packed_day      bigint NOT NULL, -- roll-ups of earlier days are in rollup_day ...
    packed_day_site bigint NOT NULL  -- ... and of that day those of sites with lower ids
) WITH (fillfactor = 50);
INSERT INTO meta VALUES (1, 0, 0, 0, 0, -1, 0, 9223372036854775807, 0, 0, 0, 0);

-- Names that repeat on every line: of locations and workers.
CREATE TABLE word (
    id   int PRIMARY KEY,
    text text NOT NULL UNIQUE
);

CREATE TABLE owner (
    id       bigint PRIMARY KEY,
    name     text NOT NULL,
    remind_s bigint NOT NULL,
    removed  smallint NOT NULL, -- kept, so that the id is never given again
    change   bigint NOT NULL
);
CREATE UNIQUE INDEX owner_name ON owner (name) WHERE removed = 0;
CREATE INDEX owner_change ON owner (change);

CREATE TABLE owner_channel (
    owner_id bigint NOT NULL,
    number   int NOT NULL,
    channel  text NOT NULL,
    PRIMARY KEY (owner_id, number)
);

CREATE TABLE site (
    id         bigint PRIMARY KEY,
    name       text NOT NULL,
    url        text NOT NULL,
    tags       text NOT NULL,
    owner_id   bigint NOT NULL, -- 0: nobody's
    every_ms   bigint NOT NULL,
    timeout_ms bigint NOT NULL,
    method     smallint NOT NULL,
    status     text NOT NULL,   -- as people write it; '' for the default
    contains   text NOT NULL,
    full_handshake smallint NOT NULL,
    looks      int NOT NULL,
    within_ms  bigint NOT NULL,
    locations  text NOT NULL,   -- '': from the cluster's first
    confirm_from smallint NOT NULL, -- how many of several locations must see an outage; 0: the usual number
    paused     smallint NOT NULL,
    removed    smallint NOT NULL,
    change     bigint NOT NULL,
    added_us   bigint NOT NULL,
    changed_us bigint NOT NULL
);
CREATE UNIQUE INDEX site_name ON site (name) WHERE removed = 0;
CREATE INDEX site_url ON site (url, id) WHERE removed = 0;
CREATE INDEX site_owner ON site (owner_id) WHERE removed = 0;
CREATE INDEX site_change ON site (change, id);

-- Intervals that a site had before its present one: its older lines lie on their grids.
CREATE TABLE former_grid (
    site_id  bigint NOT NULL,
    every_ms bigint NOT NULL,
    until_us bigint NOT NULL,
    PRIMARY KEY (site_id, every_ms)
);
CREATE INDEX former_grid_until ON former_grid (until_us);

-- The ledger of the last hour and a half; older lines are in history. Lines come and
-- go in the order of their slots, all of them: dead rows are cleared away early.
CREATE TABLE look (
    slot_us       bigint NOT NULL,
    site_id       bigint NOT NULL,
    job_id        bigint NOT NULL,
    late_us       bigint NOT NULL, -- from the slot to the beginning of the look
    span          bigint NOT NULL,
    took_us       bigint NOT NULL,
    dns_us        bigint NOT NULL,
    connect_us    bigint NOT NULL,
    tls_us        bigint NOT NULL,
    wait_us       bigint NOT NULL,
    body_us       bigint NOT NULL,
    tls_expires_s bigint NOT NULL,
    look          int NOT NULL,
    location_id   int NOT NULL,
    worker_id     int NOT NULL,
    status        int NOT NULL,
    lane          int NOT NULL,
    verdict       smallint NOT NULL,
    cause         smallint NOT NULL,
    method        smallint NOT NULL,
    redirects     smallint NOT NULL,
    suspect       smallint NOT NULL,
    address       bytea, -- 4 or 16 bytes; text with zeros behind it when it is no plain address; NULL for none
    detail        text,  -- NULL for none, and where there is nothing to explain
    PRIMARY KEY (slot_us, site_id, look, location_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05,
        autovacuum_vacuum_cost_delay = 0);

-- The ledger's older lines, packed: one row for an hour of a site, see lines.h. A
-- partition for each day (history_<days since 1970>) is made with its first row, and
-- dropped as a whole when the day is forgotten.
CREATE TABLE history (
    hour    int NOT NULL, -- hours since 1970
    n       int NOT NULL, -- lines
    site_id bigint NOT NULL,
    lines   bytea NOT NULL,
    PRIMARY KEY (hour, site_id)
) PARTITION BY RANGE (hour);

-- How many lines a day's partition has: nobody has to count them to forget them.
CREATE TABLE history_day (
    day   int PRIMARY KEY, -- days since 1970
    lines bigint NOT NULL
) WITH (fillfactor = 50);

-- Which slots a line for a missed span stands for. Spans of one site and
-- location never overlap.
CREATE TABLE missed_span (
    site_id     bigint NOT NULL,
    slot_us     bigint NOT NULL, -- the first
    last_us     bigint NOT NULL, -- the last
    every_us    bigint NOT NULL,
    location_id int NOT NULL,
    PRIMARY KEY (site_id, location_id, slot_us)
);
CREATE INDEX missed_span_slot ON missed_span (slot_us);

CREATE TABLE rollup (
    hour        int NOT NULL, -- hours since 1970
    location_id int NOT NULL,
    site_id     bigint NOT NULL,
    took_sum_us bigint NOT NULL,
    took_min_us bigint NOT NULL,
    took_max_us bigint NOT NULL,
    up          bigint NOT NULL,
    down        bigint NOT NULL,
    unknown     bigint NOT NULL,
    PRIMARY KEY (hour, site_id, location_id)
) WITH (fillfactor = 80);

-- Roll-ups of days that are over, packed: one row for a day of a site, see hours.h.
-- A roll-up is in here or in the table rollup, never in both.
CREATE TABLE rollup_day (
    day     int NOT NULL, -- days since 1970
    site_id bigint NOT NULL,
    hours   bytea NOT NULL,
    PRIMARY KEY (day, site_id)
);

CREATE TABLE state (
    site_id        bigint PRIMARY KEY,
    since_us       bigint NOT NULL,
    last_slot_us   bigint NOT NULL,
    incident_id    bigint NOT NULL,
    blips          bigint NOT NULL,
    last_at_us     bigint NOT NULL,
    last_took_us   bigint NOT NULL,
    tls_expires_us bigint NOT NULL,
    first_slot_us  bigint NOT NULL, -- of the first round ever: it comes early, beside the grid
    last_worker_id int NOT NULL,
    last_status    int NOT NULL,
    health         smallint NOT NULL,
    last_verdict   smallint NOT NULL,
    last_cause     smallint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- How each location of several sees a site. Rows of locations that a site does not have any more
-- stay, and are not read.
CREATE TABLE site_view (
    site_id        bigint NOT NULL,
    since_us       bigint NOT NULL,
    last_slot_us   bigint NOT NULL,
    blips          bigint NOT NULL,
    last_at_us     bigint NOT NULL,
    last_took_us   bigint NOT NULL,
    tls_expires_us bigint NOT NULL,
    location_id    int NOT NULL,
    last_worker_id int NOT NULL,
    last_status    int NOT NULL,
    health         smallint NOT NULL,
    last_verdict   smallint NOT NULL,
    last_cause     smallint NOT NULL,
    PRIMARY KEY (site_id, location_id)
) WITH (fillfactor = 70);

CREATE TABLE incident (
    id           bigint PRIMARY KEY,
    site_id      bigint NOT NULL,
    began_us     bigint NOT NULL,
    confirmed_us bigint NOT NULL,
    ended_us     bigint NOT NULL,
    status       int NOT NULL,
    ending       smallint NOT NULL,
    cause        smallint NOT NULL,
    detail       text NOT NULL
);
CREATE INDEX incident_site ON incident (site_id);
CREATE INDEX incident_open ON incident (id) WHERE ending = 0;

-- Looks that incidents rest on: copies, because the ledger forgets.
CREATE TABLE evidence (
    incident_id bigint NOT NULL,
    LIKE look,
    PRIMARY KEY (incident_id, slot_us, site_id, look, location_id)
);

-- The outbox, and what became of it.
CREATE TABLE notice (
    id          bigint PRIMARY KEY,
    incident_id bigint NOT NULL,
    site_id     bigint NOT NULL,
    owner_id    bigint NOT NULL,
    number      bigint NOT NULL,
    attempts    bigint NOT NULL,
    created_us  bigint NOT NULL,
    next_try_us bigint NOT NULL,
    sent_us     bigint NOT NULL,
    kind        smallint NOT NULL,
    state       smallint NOT NULL,
    channel     text NOT NULL,
    payload     text NOT NULL,
    key         text NOT NULL,
    trouble     text NOT NULL,
    UNIQUE (incident_id, owner_id, channel, kind, number)
);
CREATE INDEX notice_state ON notice (state, id);

-- Times that a worker was in doubt. Notices about them have no incident, site or
-- owner (0), and the episode's id as their number.
CREATE TABLE episode (
    id       bigint PRIMARY KEY,
    worker   text NOT NULL,
    began_us bigint NOT NULL,
    ended_us bigint NOT NULL,
    ending   smallint NOT NULL,
    reason   text NOT NULL
);
CREATE INDEX episode_open ON episode (id) WHERE ending = 0;

CREATE TABLE vitals (
    one          int PRIMARY KEY CHECK (one = 1),
    epoch        bigint NOT NULL,
    at_us        bigint NOT NULL,
    started_us   bigint NOT NULL,
    sites        bigint NOT NULL,
    scheduled    bigint NOT NULL,
    concluded    bigint NOT NULL,
    missed       bigint NOT NULL,
    confirming   bigint NOT NULL,
    again        bigint NOT NULL,
    in_flight    bigint NOT NULL,
    waiting      bigint NOT NULL,
    late_p50_us  bigint NOT NULL,
    late_p99_us  bigint NOT NULL,
    late_max_us  bigint NOT NULL,
    dropped      bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE worker (
    worker    text NOT NULL,
    lane      int NOT NULL,
    location  text NOT NULL,
    software  text NOT NULL,
    health    smallint NOT NULL,
    doubts    smallint NOT NULL,
    joined_us bigint NOT NULL,
    heard_us  bigint NOT NULL,
    slots     bigint NOT NULL,
    in_hand   bigint NOT NULL,
    done      bigint NOT NULL,
    named_us  bigint NOT NULL, -- when the coordinator last spoke of it
    descriptors      bigint NOT NULL,
    descriptors_most bigint NOT NULL,
    PRIMARY KEY (worker, lane)
) WITH (fillfactor = 50);
