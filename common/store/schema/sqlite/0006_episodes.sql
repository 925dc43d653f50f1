-- Times that a worker was in doubt. Notices about them have no incident, site or
-- owner (0), and the episode's id as their number.
CREATE TABLE episode (
    id       INTEGER PRIMARY KEY,
    worker   TEXT NOT NULL,
    began_us INTEGER NOT NULL,
    ended_us INTEGER NOT NULL,
    ending   INTEGER NOT NULL,
    reason   TEXT NOT NULL
) STRICT;
CREATE INDEX episode_open ON episode (id) WHERE ending = 0;
