-- What somebody usually does, for those who decide.
CREATE INDEX sessions_habits ON sessions (person, started_at, host, source, fingerprint);
