/**
 * The local directory, and how often secrets were guessed wrong. Somebody who is disabled keeps their rows: what they
 * did stays told by them.
 */
export const LOCAL_USERS = `
ALTER TABLE users ADD COLUMN disabled_at_ms INTEGER;

CREATE TABLE local_users (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  groups_json TEXT NOT NULL CHECK (json_valid(groups_json)),
  password_hash TEXT NOT NULL,
  temporary_until_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  disabled_at_ms INTEGER,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, email)
) STRICT;

CREATE TABLE guesses (
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  failures INTEGER NOT NULL CHECK (failures >= 0),
  last_at_ms INTEGER NOT NULL,
  succeeded_at_ms INTEGER,
  PRIMARY KEY (tenant, key)
) STRICT;
CREATE INDEX guesses_by_time ON guesses (tenant, last_at_ms);
`
