-- Head-room of workers: descriptors open in the process, and how many may be.
ALTER TABLE worker ADD COLUMN descriptors INTEGER NOT NULL DEFAULT 0;
ALTER TABLE worker ADD COLUMN descriptors_most INTEGER NOT NULL DEFAULT 0;
