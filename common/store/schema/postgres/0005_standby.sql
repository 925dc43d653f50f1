-- What whoever waits for a part, and whoever works with its holder, reads of it.
ALTER TABLE claim ADD COLUMN lease_us bigint NOT NULL DEFAULT 10000000; -- how long it may be silent
ALTER TABLE claim ADD COLUMN listens  text   NOT NULL DEFAULT '';       -- lanes and endpoints
