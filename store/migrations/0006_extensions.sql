-- A request may ask for more time under a grant that runs. No reference: a
-- request that asks for a grant of its own has the empty ID here.
ALTER TABLE requests ADD COLUMN extends TEXT NOT NULL DEFAULT '';

-- An extension is never identical to a request of its own.
DROP INDEX requests_pending;
CREATE UNIQUE INDEX requests_pending ON requests (person, fingerprint, host, login, rule, kinds, extends)
  WHERE state = 'pending';
CREATE INDEX requests_extends ON requests (extends) WHERE extends <> '';

-- For sweeping out effects that are over.
CREATE INDEX outbox_over ON outbox (ended_at) WHERE state <> 'waiting';
