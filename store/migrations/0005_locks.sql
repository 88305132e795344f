-- The locks in force. Lifting one deletes its row: the history is in the audit
-- chain.
CREATE TABLE locks (
  kind   TEXT    NOT NULL CHECK (kind IN ('person', 'host')),
  name   TEXT    NOT NULL,
  reason TEXT    NOT NULL,
  set_by TEXT    NOT NULL,
  via    TEXT    NOT NULL,
  set_at INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
