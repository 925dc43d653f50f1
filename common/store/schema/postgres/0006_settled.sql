-- All slots before this are in the ledger, as the coordinator of that part last said; 0: not known.
ALTER TABLE vitals ADD COLUMN settled_us bigint NOT NULL DEFAULT 0;
