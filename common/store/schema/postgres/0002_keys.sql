-- Whose keys are let in on links that leave the host. Rows stay: a revoked key is
-- for people to see, and its id is never another's.
CREATE TABLE access_key (
    id         bigint PRIMARY KEY,
    public     text NOT NULL UNIQUE, -- Z85
    name       text NOT NULL,
    role       bigint NOT NULL,
    location   text NOT NULL,
    made_us    bigint NOT NULL,
    revoked_us bigint NOT NULL      -- 0: it is let in
);
