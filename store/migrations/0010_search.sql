-- What can be found in recordings: a cache, made from them in the background.

-- Ended sessions that are not read yet, and how often that failed. Triggers
-- fill it, so that no way for a session to end, or to be found again, forgets
-- it.
CREATE TABLE unread (
  session_id TEXT    PRIMARY KEY,
  tries      INTEGER NOT NULL DEFAULT 0,
  fault      TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE INDEX unread_next ON unread (tries, session_id);

-- Those that were read, and how far: whole; cut, because there was too much
-- text; or not, with the fault.
CREATE TABLE readings (
  session_id TEXT    PRIMARY KEY,
  extent     TEXT    NOT NULL CHECK (extent IN ('whole', 'cut', 'none')),
  bytes      INTEGER NOT NULL,  -- of text
  until_us   INTEGER NOT NULL,  -- since the session's start
  fault      TEXT    NOT NULL,
  read_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX readings_short ON readings (extent) WHERE extent <> 'whole';

CREATE TABLE segments (
  id         INTEGER PRIMARY KEY,
  session_id TEXT    NOT NULL,
  source     TEXT    NOT NULL CHECK (source IN ('screen', 'exec', 'file', 'command', 'prompt')),
  lines      BLOB    NOT NULL  -- content: moments and texts, see segment.go
) STRICT;

CREATE INDEX segments_session ON segments (session_id);

-- The trigrams of each segment's lines, folded, without the text.
CREATE VIRTUAL TABLE segment_text USING fts5 (
  text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);

CREATE TRIGGER session_ended AFTER UPDATE OF state ON sessions WHEN old.state = 'live' AND new.state <> 'live' BEGIN
  INSERT OR IGNORE INTO unread (session_id) VALUES (new.id);
END;

CREATE TRIGGER session_found AFTER INSERT ON sessions WHEN new.state <> 'live' BEGIN
  INSERT OR IGNORE INTO unread (session_id) VALUES (new.id);
END;

CREATE TRIGGER session_gone AFTER DELETE ON sessions BEGIN
  DELETE FROM segment_text WHERE rowid IN (SELECT id FROM segments WHERE session_id = old.id);
  DELETE FROM segments WHERE session_id = old.id;
  DELETE FROM readings WHERE session_id = old.id;
  DELETE FROM unread WHERE session_id = old.id;
END;

INSERT INTO unread (session_id) SELECT id FROM sessions WHERE state <> 'live';
