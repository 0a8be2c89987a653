-- One row per change of a key. The past is what has not been compacted; the present is in here too.
CREATE TABLE history (
  id              INTEGER PRIMARY KEY, -- ascends with the revision and, within it, with the order of operations
  revision        INTEGER NOT NULL,
  key             TEXT    NOT NULL,
  value           BLOB,                -- NULL: the key was deleted, and the next two are 0
  create_revision INTEGER NOT NULL,
  version         INTEGER NOT NULL
) STRICT;

-- The store's revision is the last one in here: compaction never removes it.
CREATE INDEX history_by_revision ON history (revision);
CREATE UNIQUE INDEX history_by_key ON history (key, revision);

-- The keys that exist, each pointing at its last change.
CREATE TABLE live (
  key          TEXT    PRIMARY KEY,
  mod_revision INTEGER NOT NULL,
  history_id   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the oldest revision that can still be read at and watched from.
CREATE TABLE compaction (
  id       INTEGER PRIMARY KEY CHECK (id = 0),
  revision INTEGER NOT NULL
) STRICT;
INSERT INTO compaction VALUES (0, 0);
