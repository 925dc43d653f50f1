-- Roll-ups of days that are over, packed: one row for a day of a site, see hours.h.
-- A roll-up is in here or in the table rollup, never in both.

CREATE TABLE rollup_day (
    day     INTEGER NOT NULL, -- days since 1970
    site_id INTEGER NOT NULL,
    hours   BLOB NOT NULL,
    PRIMARY KEY (day, site_id)
) STRICT, WITHOUT ROWID;

-- Where roll-ups of earlier days belong in here, and of that day those of sites with lower ids.
ALTER TABLE meta ADD COLUMN packed_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN packed_day_site INTEGER NOT NULL DEFAULT 0;
