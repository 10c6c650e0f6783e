-- The revision of the last commit, in one row.
CREATE TABLE revision (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL CHECK (revision >= 0)
) STRICT;
INSERT INTO revision (one, revision) VALUES (1, 0);

-- A record whose value is NULL was deleted by the commit of its revision.
CREATE TABLE records (
    key      TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0),
    value    BLOB
) STRICT;
CREATE INDEX records_by_revision ON records (revision, key);
