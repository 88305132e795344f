-- Lists (kinds, approvers) are words separated by one blank; kinds are sorted.
CREATE TABLE requests (
  id            TEXT    PRIMARY KEY,
  person        TEXT    NOT NULL,
  login         TEXT    NOT NULL,
  host          TEXT    NOT NULL,
  kinds         TEXT    NOT NULL,
  kind          TEXT    NOT NULL,  -- empty when asked ahead
  command       TEXT    NOT NULL,  -- content
  reason        TEXT    NOT NULL,
  for_us        INTEGER NOT NULL,
  rule          TEXT    NOT NULL,
  policy_digest TEXT    NOT NULL,
  fingerprint   TEXT    NOT NULL,
  source        TEXT    NOT NULL,
  bastion_id    TEXT    NOT NULL,
  state         TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'cancelled', 'lapsed')),
  cause         TEXT    NOT NULL DEFAULT '',  -- why it ended, for people
  requested_at  INTEGER NOT NULL,
  wait_until    INTEGER NOT NULL,
  decided_at    INTEGER,
  CHECK ((state = 'pending') = (decided_at IS NULL))
) STRICT;

-- Two identical requests cannot both be pending: the second joins the first.
CREATE UNIQUE INDEX requests_pending ON requests (person, fingerprint, host, login, rule, kinds)
  WHERE state = 'pending';
CREATE INDEX requests_due    ON requests (wait_until) WHERE state = 'pending';
CREATE INDEX requests_person ON requests (person, id);
CREATE INDEX requests_host   ON requests (host, id);
CREATE INDEX requests_state  ON requests (state, id);

CREATE TABLE decisions (
  request_id TEXT    NOT NULL REFERENCES requests (id),
  n          INTEGER NOT NULL,  -- 1, 2, … in the order in which they counted
  person     TEXT    NOT NULL,  -- or local:UID
  verdict    TEXT    NOT NULL CHECK (verdict IN ('approve', 'deny')),
  reason     TEXT    NOT NULL,
  via        TEXT    NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (request_id, n),
  UNIQUE (request_id, person)  -- nobody counts twice
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
  id          TEXT    PRIMARY KEY,
  request_id  TEXT    NOT NULL UNIQUE REFERENCES requests (id),  -- an approval gives one grant
  person      TEXT    NOT NULL,
  login       TEXT    NOT NULL,
  host        TEXT    NOT NULL,
  rule        TEXT    NOT NULL,
  kinds       TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL,
  state       TEXT    NOT NULL CHECK (state IN ('ready', 'active', 'lapsed', 'expired', 'released', 'revoked')),
  cause       TEXT    NOT NULL DEFAULT '',  -- why it ended, for people
  for_us      INTEGER NOT NULL,
  ready_at    INTEGER NOT NULL,
  use_by      INTEGER NOT NULL,
  started_at  INTEGER,
  not_after   INTEGER,
  ended_at    INTEGER,
  CHECK ((started_at IS NULL) = (not_after IS NULL)),
  CHECK (state <> 'ready'  OR started_at IS NULL),
  CHECK (state <> 'active' OR started_at IS NOT NULL),
  CHECK ((state IN ('ready', 'active')) = (ended_at IS NULL))
) STRICT;

CREATE INDEX grants_live    ON grants (person, host, login) WHERE state IN ('ready', 'active');
CREATE INDEX grants_use_by  ON grants (use_by)    WHERE state = 'ready';
CREATE INDEX grants_expire  ON grants (not_after) WHERE state = 'active';
CREATE INDEX grants_person  ON grants (person, id);
CREATE INDEX grants_host    ON grants (host, id);

-- Effects that are still to be brought about outside, or were given up.
-- Those about one subject happen in order.
CREATE TABLE outbox (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  topic      TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  kind       TEXT    NOT NULL,
  state      TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
  created_at INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  next_at    INTEGER NOT NULL,
  ended_at   INTEGER,
  error      TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX outbox_waiting ON outbox (topic, subject, id) WHERE state = 'waiting';

-- Where a request is shown.
CREATE TABLE messages (
  request_id TEXT PRIMARY KEY REFERENCES requests (id),
  channel    TEXT NOT NULL,
  ts         TEXT NOT NULL
) STRICT;
