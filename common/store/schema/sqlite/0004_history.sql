-- The ledger's older lines, packed: one row for an hour of a site, see lines.h.
-- Lines of the table look with slots before packed_us are in here as well, or
-- instead, and are read from here only.

CREATE TABLE history (
    hour    INTEGER NOT NULL, -- hours since 1970
    site_id INTEGER NOT NULL,
    n       INTEGER NOT NULL, -- lines
    lines   BLOB NOT NULL,
    PRIMARY KEY (hour, site_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE meta ADD COLUMN packed_us INTEGER NOT NULL DEFAULT 0; -- an hour's beginning
-- Of the hour that begins there, sites with lower ids have their row already.
ALTER TABLE meta ADD COLUMN packing_site INTEGER NOT NULL DEFAULT 0;
