CREATE TABLE sessions (
  id                TEXT    PRIMARY KEY,
  connection_id     TEXT    NOT NULL,
  bastion_id        TEXT    NOT NULL,
  person            TEXT    NOT NULL,
  login             TEXT    NOT NULL,
  host              TEXT    NOT NULL,
  kind              TEXT    NOT NULL,
  command           TEXT    NOT NULL,  -- content
  terminal          INTEGER NOT NULL CHECK (terminal IN (0, 1)),
  rule              TEXT    NOT NULL,
  policy_digest     TEXT    NOT NULL,
  request_id        TEXT    NOT NULL,  -- empty with standing access; no reference: a reindex knows no requests
  grant_id          TEXT    NOT NULL,
  approvers         TEXT    NOT NULL,
  fingerprint       TEXT    NOT NULL,
  source            TEXT    NOT NULL,
  started_at        INTEGER NOT NULL,
  ended_at          INTEGER,
  state             TEXT    NOT NULL CHECK (state IN ('live', 'sealed', 'recovered')),
  exit_status       INTEGER,
  end_cause         TEXT    NOT NULL,
  end_detail        TEXT    NOT NULL,
  bytes_out         INTEGER NOT NULL,
  bytes_in          INTEGER NOT NULL,
  recording         TEXT    NOT NULL,
  cert_serial       TEXT    NOT NULL,  -- decimal: it may be beyond 63 bits
  cert_key_id       TEXT    NOT NULL,
  cert_ca           TEXT    NOT NULL,
  cert_valid_before INTEGER,
  vault_request_id  TEXT    NOT NULL
) STRICT;

CREATE INDEX sessions_person  ON sessions (person, id);
CREATE INDEX sessions_host    ON sessions (host, id);
CREATE INDEX sessions_kind    ON sessions (kind, id);
CREATE INDEX sessions_state   ON sessions (state, id);
CREATE INDEX sessions_started ON sessions (started_at);
CREATE INDEX sessions_request ON sessions (request_id) WHERE request_id <> '';

-- The chain of the manifests of each bastion. A row is written in the
-- transaction that ends the session, its manifest kept until it is known to
-- be in its file.
CREATE TABLE ledger (
  bastion_id TEXT    NOT NULL,
  seq        INTEGER NOT NULL,
  session_id TEXT    NOT NULL UNIQUE REFERENCES sessions (id),
  prev       BLOB    NOT NULL CHECK (length(prev) = 32),
  digest     BLOB    NOT NULL CHECK (length(digest) = 32),  -- SHA-256 of the manifest
  manifest   BLOB,
  PRIMARY KEY (bastion_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX ledger_unwritten ON ledger (bastion_id, seq) WHERE manifest IS NOT NULL;
