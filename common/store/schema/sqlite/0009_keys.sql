-- Whose keys are let in on links that leave the host. Rows stay: a revoked key is
-- for people to see, and its id is never another's.
CREATE TABLE access_key (
    id         INTEGER PRIMARY KEY,
    public     TEXT NOT NULL UNIQUE, -- Z85
    name       TEXT NOT NULL,
    role       INTEGER NOT NULL,
    location   TEXT NOT NULL,
    made_us    INTEGER NOT NULL,
    revoked_us INTEGER NOT NULL      -- 0: it is let in
) STRICT;
