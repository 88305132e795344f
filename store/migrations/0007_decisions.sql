-- What people may say on a request beyond yes and no, and how else one is
-- approved.
ALTER TABLE requests ADD COLUMN break_glass INTEGER NOT NULL DEFAULT 0 CHECK (break_glass IN (0, 1));
ALTER TABLE requests ADD COLUMN auto        TEXT    NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN reviewed_by TEXT    NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN review_note TEXT    NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN reviewed_at INTEGER;
CREATE INDEX requests_owed ON requests (person)
  WHERE break_glass = 1 AND state = 'approved' AND reviewed_at IS NULL;

ALTER TABLE decisions ADD COLUMN for_us      INTEGER NOT NULL DEFAULT 0;   -- 0 is as asked
ALTER TABLE decisions ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1));
ALTER TABLE decisions ADD COLUMN fingerprint TEXT    NOT NULL DEFAULT '';

ALTER TABLE grants ADD COLUMN bind        TEXT    NOT NULL DEFAULT '';  -- words; empty is key
ALTER TABLE grants ADD COLUMN address     TEXT    NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN sessions    INTEGER NOT NULL DEFAULT 0;   -- 0 is any number
ALTER TABLE grants ADD COLUMN opened      INTEGER NOT NULL DEFAULT 0 CHECK (sessions = 0 OR opened <= sessions);
ALTER TABLE grants ADD COLUMN break_glass INTEGER NOT NULL DEFAULT 0 CHECK (break_glass IN (0, 1));

-- An effect that is told once carries what it tells, as JSON.
ALTER TABLE outbox ADD COLUMN detail TEXT NOT NULL DEFAULT '';
