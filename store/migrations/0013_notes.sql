-- What auditors remarked upon recordings. Each of them is in the audit chain
-- too, as recording.noted, from which a reindex brings back what is lost here.
-- There is nothing to change one with.
CREATE TABLE notes (
  session_id TEXT    NOT NULL,
  at_us      INTEGER NOT NULL,  -- since the session's start
  made_at    INTEGER NOT NULL,
  made_by    TEXT    NOT NULL,
  via        TEXT    NOT NULL,
  text       TEXT    NOT NULL,
  PRIMARY KEY (session_id, at_us, made_at, made_by, text)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER notes_no_update BEFORE UPDATE ON notes
BEGIN SELECT RAISE(ABORT, 'notes are evidence'); END;
CREATE TRIGGER notes_no_delete BEFORE DELETE ON notes
BEGIN SELECT RAISE(ABORT, 'notes are evidence'); END;
