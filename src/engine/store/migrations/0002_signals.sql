-- What people ask of a driver, how often drivers died, and memories bound to the hash chain.
ALTER TABLE run ADD COLUMN brake TEXT CHECK (brake IN ('pause', 'abort'));
ALTER TABLE run ADD COLUMN signals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN takeovers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE journal ADD COLUMN memory_digest TEXT;

-- Finds the runs whose driver may have died, among thousands that wait.
CREATE INDEX run_leased ON run (lease_until) WHERE lease_until IS NOT NULL;
