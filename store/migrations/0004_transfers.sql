-- The ledger of files, for looking things up: the evidence is events.ndjson
-- of each recording, from which these rows are made. No reference to sessions:
-- entries may arrive before a session that was found on disk.
CREATE TABLE transfers (
  session_id TEXT    NOT NULL,
  place      INTEGER NOT NULL,  -- offset of the line in events.ndjson
  at_us      INTEGER NOT NULL,  -- since the session's start
  action     TEXT    NOT NULL,
  path       TEXT    NOT NULL,  -- content, as is target
  target     TEXT    NOT NULL,
  bytes      INTEGER NOT NULL,
  mode       TEXT    NOT NULL,
  sha256     TEXT    NOT NULL,
  partial    INTEGER NOT NULL CHECK (partial IN (0, 1)),
  result     TEXT    NOT NULL,
  detail     TEXT    NOT NULL,
  PRIMARY KEY (session_id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX transfers_path   ON transfers (path, session_id);
CREATE INDEX transfers_target ON transfers (target, session_id) WHERE target <> '';
CREATE INDEX transfers_sha256 ON transfers (sha256, session_id) WHERE sha256 <> '';
