-- The first layout. Times are wall-clock microseconds (_us) unless the column's
-- name says otherwise; enums are the numbers of the headers. A value of 0 or 1
-- takes no byte in SQLite's record format, which is why flags and usual values
-- are kept as they are and not packed.

PRAGMA application_id = 1447380052; -- "VEDT"

-- One row: what is counted or remembered once for the whole store.
CREATE TABLE meta (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    change         INTEGER NOT NULL, -- number of the newest edit
    epoch          INTEGER NOT NULL, -- the newest coordinator's
    looks          INTEGER NOT NULL, -- lines in the ledger; counting them would take minutes
    rolled_up_us   INTEGER NOT NULL, -- every line with an earlier slot is in the roll-ups
    spans_until_us INTEGER NOT NULL, -- no missed span reaches beyond this slot
    pruned_us      INTEGER NOT NULL  -- lines with earlier slots have been forgotten
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0, 0, -1, 0);

-- Names that repeat on every line: of locations and workers.
CREATE TABLE word (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE owner (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    remind_s INTEGER NOT NULL,
    removed  INTEGER NOT NULL, -- kept, so that the id is never given again
    change   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX owner_name ON owner (name) WHERE removed = 0;
CREATE INDEX owner_change ON owner (change);

CREATE TABLE owner_channel (
    owner_id INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    channel  TEXT NOT NULL,
    PRIMARY KEY (owner_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE site (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    tags       TEXT NOT NULL,
    owner_id   INTEGER NOT NULL, -- 0: nobody's
    every_ms   INTEGER NOT NULL,
    timeout_ms INTEGER NOT NULL,
    method     INTEGER NOT NULL,
    status     TEXT NOT NULL,    -- as people write it; '' for the default
    contains   TEXT NOT NULL,
    full_handshake INTEGER NOT NULL,
    looks      INTEGER NOT NULL,
    within_ms  INTEGER NOT NULL,
    paused     INTEGER NOT NULL,
    removed    INTEGER NOT NULL,
    change     INTEGER NOT NULL,
    added_us   INTEGER NOT NULL,
    changed_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX site_name ON site (name) WHERE removed = 0;
CREATE INDEX site_url ON site (url) WHERE removed = 0;
CREATE INDEX site_owner ON site (owner_id) WHERE removed = 0;
CREATE INDEX site_gone ON site (id) WHERE removed = 1;
CREATE INDEX site_watched ON site (id, paused) WHERE removed = 0;
CREATE INDEX site_change ON site (change);

-- Intervals that a site had before its present one: its older lines lie on their grids.
CREATE TABLE former_grid (
    site_id  INTEGER NOT NULL,
    every_ms INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (site_id, every_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_grid_until ON former_grid (until_us);

-- The ledger. Time comes first in the key, so that recording appends, and
-- forgetting takes whole pages off the other end.
CREATE TABLE look (
    slot_us       INTEGER NOT NULL,
    site_id       INTEGER NOT NULL,
    look          INTEGER NOT NULL,
    location_id   INTEGER NOT NULL,
    job_id        INTEGER NOT NULL,
    span          INTEGER NOT NULL,
    verdict       INTEGER NOT NULL,
    cause         INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    method        INTEGER NOT NULL,
    redirects     INTEGER NOT NULL,
    suspect       INTEGER NOT NULL,
    late_us       INTEGER NOT NULL, -- from the slot to the beginning of the look
    took_us       INTEGER NOT NULL,
    dns_us        INTEGER NOT NULL,
    connect_us    INTEGER NOT NULL,
    tls_us        INTEGER NOT NULL,
    wait_us       INTEGER NOT NULL,
    body_us       INTEGER NOT NULL,
    tls_expires_s INTEGER NOT NULL,
    address       ANY,              -- 4 or 16 bytes; text when it is no plain address; NULL for none
    worker_id     INTEGER NOT NULL,
    lane          INTEGER NOT NULL,
    detail        TEXT,             -- NULL for none, and where there is nothing to explain
    PRIMARY KEY (slot_us, site_id, look, location_id)
) STRICT, WITHOUT ROWID;

-- Which slots a line for a missed span stands for. Spans of one site and
-- location never overlap.
CREATE TABLE missed_span (
    site_id     INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    slot_us     INTEGER NOT NULL, -- the first
    last_us     INTEGER NOT NULL, -- the last
    every_us    INTEGER NOT NULL,
    PRIMARY KEY (site_id, location_id, slot_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX missed_span_slot ON missed_span (slot_us);

-- By hour first, for the reasons of the ledger.
CREATE TABLE rollup (
    hour        INTEGER NOT NULL, -- hours since 1970
    site_id     INTEGER NOT NULL,
    location_id INTEGER NOT NULL,
    up          INTEGER NOT NULL,
    down        INTEGER NOT NULL,
    unknown     INTEGER NOT NULL,
    took_sum_us INTEGER NOT NULL,
    took_min_us INTEGER NOT NULL,
    took_max_us INTEGER NOT NULL,
    PRIMARY KEY (hour, site_id, location_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    site_id        INTEGER PRIMARY KEY,
    health         INTEGER NOT NULL,
    since_us       INTEGER NOT NULL,
    last_slot_us   INTEGER NOT NULL,
    incident_id    INTEGER NOT NULL,
    blips          INTEGER NOT NULL,
    last_at_us     INTEGER NOT NULL,
    last_verdict   INTEGER NOT NULL,
    last_cause     INTEGER NOT NULL,
    last_status    INTEGER NOT NULL,
    last_took_us   INTEGER NOT NULL,
    tls_expires_us INTEGER NOT NULL,
    last_worker_id INTEGER NOT NULL,
    first_slot_us  INTEGER NOT NULL  -- of the first round ever: it comes early, beside the grid
) STRICT;

CREATE TABLE incident (
    id           INTEGER PRIMARY KEY,
    site_id      INTEGER NOT NULL,
    began_us     INTEGER NOT NULL,
    confirmed_us INTEGER NOT NULL,
    ended_us     INTEGER NOT NULL,
    ending       INTEGER NOT NULL,
    cause        INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    detail       TEXT NOT NULL
) STRICT;
CREATE INDEX incident_site ON incident (site_id);
CREATE INDEX incident_open ON incident (id) WHERE ending = 0;

-- Looks that incidents rest on: copies, because the ledger forgets.
CREATE TABLE evidence (
    incident_id   INTEGER NOT NULL,
    slot_us       INTEGER NOT NULL,
    site_id       INTEGER NOT NULL,
    look          INTEGER NOT NULL,
    location_id   INTEGER NOT NULL,
    job_id        INTEGER NOT NULL,
    span          INTEGER NOT NULL,
    verdict       INTEGER NOT NULL,
    cause         INTEGER NOT NULL,
    status        INTEGER NOT NULL,
    method        INTEGER NOT NULL,
    redirects     INTEGER NOT NULL,
    suspect       INTEGER NOT NULL,
    late_us       INTEGER NOT NULL,
    took_us       INTEGER NOT NULL,
    dns_us        INTEGER NOT NULL,
    connect_us    INTEGER NOT NULL,
    tls_us        INTEGER NOT NULL,
    wait_us       INTEGER NOT NULL,
    body_us       INTEGER NOT NULL,
    tls_expires_s INTEGER NOT NULL,
    address       ANY,
    worker_id     INTEGER NOT NULL,
    lane          INTEGER NOT NULL,
    detail        TEXT,
    PRIMARY KEY (incident_id, slot_us, site_id, look, location_id)
) STRICT, WITHOUT ROWID;

-- The outbox, and what became of it.
CREATE TABLE notice (
    id          INTEGER PRIMARY KEY,
    incident_id INTEGER NOT NULL,
    site_id     INTEGER NOT NULL,
    owner_id    INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    channel     TEXT NOT NULL,
    payload     TEXT NOT NULL,
    key         TEXT NOT NULL,
    state       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    created_us  INTEGER NOT NULL,
    next_try_us INTEGER NOT NULL,
    sent_us     INTEGER NOT NULL,
    trouble     TEXT NOT NULL,
    UNIQUE (incident_id, owner_id, channel, kind, number)
) STRICT;
CREATE INDEX notice_state ON notice (state, id);

CREATE TABLE vitals (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
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
    late_max_us  INTEGER NOT NULL
) STRICT;

CREATE TABLE worker (
    worker    TEXT NOT NULL,
    lane      INTEGER NOT NULL,
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
    PRIMARY KEY (worker, lane)
) STRICT, WITHOUT ROWID;
