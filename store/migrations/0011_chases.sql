-- When people are reminded of what waits, and when others are asked too.
ALTER TABLE requests ADD COLUMN remind_at    INTEGER;
ALTER TABLE requests ADD COLUMN escalate_at  INTEGER;
ALTER TABLE requests ADD COLUMN escalated_at INTEGER;
CREATE INDEX requests_remind   ON requests (remind_at)   WHERE state = 'pending';
CREATE INDEX requests_escalate ON requests (escalate_at) WHERE state = 'pending';
