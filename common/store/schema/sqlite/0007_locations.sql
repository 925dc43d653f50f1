-- From where sites are looked at ('': from the cluster's first location), and from how many of
-- several locations an outage must be seen (0: from the usual number).
ALTER TABLE site ADD COLUMN locations TEXT NOT NULL DEFAULT '';
ALTER TABLE site ADD COLUMN confirm_from INTEGER NOT NULL DEFAULT 0;

-- How each location of several sees a site. Rows of locations that a site does not have any more
-- stay, and are not read.
CREATE TABLE site_view (
    site_id        INTEGER NOT NULL,
    location_id    INTEGER NOT NULL,
    health         INTEGER NOT NULL,
    since_us       INTEGER NOT NULL,
    last_slot_us   INTEGER NOT NULL,
    blips          INTEGER NOT NULL,
    last_at_us     INTEGER NOT NULL,
    last_verdict   INTEGER NOT NULL,
    last_cause     INTEGER NOT NULL,
    last_status    INTEGER NOT NULL,
    last_took_us   INTEGER NOT NULL,
    tls_expires_us INTEGER NOT NULL,
    last_worker_id INTEGER NOT NULL,
    PRIMARY KEY (site_id, location_id)
) STRICT, WITHOUT ROWID;
