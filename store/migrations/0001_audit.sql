-- The evidence. stored holds the event's bytes verbatim; the other columns
-- repeat parts of it for looking things up and prove nothing.
CREATE TABLE audit (
  seq        INTEGER PRIMARY KEY,  -- 1, 2, 3, … without a gap
  at         INTEGER NOT NULL,     -- microseconds UTC, as everywhere here
  bastion_id TEXT    NOT NULL,
  kind       TEXT    NOT NULL,
  stored     BLOB    NOT NULL,
  prev       BLOB    NOT NULL CHECK (length(prev) = 32),
  hash       BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX audit_kind ON audit (kind, seq);

-- Not against an attacker, who could drop them, but against our own mistakes.
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit chain is append-only'); END;

-- How far each follower of the audit table has come. The table is the outbox
-- of its own followers: what is beyond the cursor is still to be delivered.
CREATE TABLE cursors (
  name TEXT PRIMARY KEY,
  seq  INTEGER NOT NULL
) STRICT;
