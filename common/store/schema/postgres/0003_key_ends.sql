-- Keys that are let in until then; 0: until they are revoked.
ALTER TABLE access_key ADD COLUMN expires_us bigint NOT NULL DEFAULT 0;
