-- A decision by a security key, which somebody touched.
ALTER TABLE decisions ADD COLUMN touched INTEGER NOT NULL DEFAULT 0 CHECK (touched IN (0, 1));
