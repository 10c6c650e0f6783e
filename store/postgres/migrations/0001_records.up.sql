-- The revision of the last commit, in one row, which every commit locks first:
-- so revisions become visible in their order. The space that is left lets its
-- versions stay on one page.
CREATE TABLE revision (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL CHECK (revision >= 0)
) WITH (fillfactor = 10);
INSERT INTO revision (revision) VALUES (0);

-- A record whose value is NULL was deleted by the commit of its revision.
CREATE TABLE records (
    key      text COLLATE "C" PRIMARY KEY,
    revision bigint NOT NULL CHECK (revision > 0),
    value    bytea
);
CREATE INDEX records_by_revision ON records (revision, key);
