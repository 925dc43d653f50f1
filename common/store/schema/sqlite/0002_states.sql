-- States may be behind the ledger: what lines with slots from here on say is laid
-- over them when they are read. Far away: no state is behind.

ALTER TABLE meta ADD COLUMN states_us INTEGER NOT NULL DEFAULT 9223372036854775807;
