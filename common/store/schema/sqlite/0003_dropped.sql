-- Messages that coordinator and collector refused for their form.
ALTER TABLE vitals ADD COLUMN dropped INTEGER NOT NULL DEFAULT 0;
