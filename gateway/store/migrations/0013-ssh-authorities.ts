/** SSH authorities with the keys before, what was revoked, and the certificates that left the gateway. */
export const SSH_AUTHORITIES = `
CREATE TABLE ssh_authorities (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL CHECK (name IN ('user', 'host', 'client')),
  public_key TEXT NOT NULL,
  custody_json TEXT NOT NULL CHECK (json_valid(custody_json)),
  created_at_ms INTEGER NOT NULL,
  retired_at_ms INTEGER,
  trusted_until_ms INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE TABLE ssh_revocations (
  tenant TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('serial', 'key_id', 'authority')),
  value TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, kind, value)
) STRICT;
CREATE TABLE ssh_certificates (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('user', 'host')),
  key_id TEXT NOT NULL,
  principals_json TEXT NOT NULL CHECK (json_valid(principals_json)),
  authority TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT,
  user_email TEXT,
  device_id TEXT,
  issued_at_ms INTEGER NOT NULL,
  valid_until_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX ssh_certificates_by_time ON ssh_certificates (tenant, issued_at_ms, id);
`
