/** Tokens of services: id, name, and digests of the secret and of the one before it. */
export const SERVICE_TOKENS = `
CREATE TABLE service_tokens (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  secret_sha256 TEXT NOT NULL,
  previous_sha256 TEXT,
  previous_until_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  rotated_at_ms INTEGER,
  last_used_at_ms INTEGER,
  disabled_at_ms INTEGER,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, name)
) STRICT;
`
