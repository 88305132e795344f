-- What must not be deleted, however old it is.
CREATE TABLE holds (
  session_id TEXT    PRIMARY KEY,
  reason     TEXT    NOT NULL,
  set_by     TEXT    NOT NULL,
  via        TEXT    NOT NULL,
  set_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is deleted, or about to be: first the row, then the files, then
-- deleted_at. Sessions stay known; only what was recorded goes.
CREATE TABLE retired (
  session_id TEXT    PRIMARY KEY,
  reason     TEXT    NOT NULL,
  retired_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX retired_unfinished ON retired (session_id) WHERE deleted_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE state <> 'live';
