/** The first schema. Never edited once released: its digest stands in every store that has it. */
export const FIRST_TABLES = `
CREATE TABLE users (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  provider TEXT NOT NULL,
  provider_subject TEXT NOT NULL,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  groups_json TEXT NOT NULL CHECK (json_valid(groups_json)),
  last_login_at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, id),
  UNIQUE (tenant, provider, provider_subject)
) STRICT;

CREATE TABLE devices (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  key_sha256 TEXT NOT NULL,
  enrolled_at_ms INTEGER NOT NULL,
  last_login_at_ms INTEGER NOT NULL,
  last_seen_at_ms INTEGER,
  certificate_not_after_ms INTEGER,
  revoked_at_ms INTEGER,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id)
) STRICT;

CREATE TABLE enrolments (
  tenant TEXT NOT NULL,
  device_code_sha256 TEXT NOT NULL,
  user_code_sha256 TEXT NOT NULL,
  key_sha256 TEXT NOT NULL,
  csr_pem TEXT NOT NULL,
  device_name TEXT NOT NULL,
  source_address TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
  user_id TEXT,
  device_id TEXT,
  PRIMARY KEY (tenant, device_code_sha256),
  UNIQUE (tenant, user_code_sha256)
) STRICT;

CREATE TABLE flows (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  opened_at_ms INTEGER NOT NULL,
  record_json TEXT NOT NULL CHECK (json_valid(record_json)),
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX flows_by_time ON flows (tenant, opened_at_ms, id);

CREATE TABLE recordings (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  flow_id TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  user_email TEXT NOT NULL,
  device_id TEXT NOT NULL,
  unix_user TEXT NOT NULL,
  target TEXT NOT NULL,
  application TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'incomplete')),
  size_bytes INTEGER NOT NULL,
  file TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX recordings_by_time ON recordings (tenant, started_at_ms, id);

CREATE TABLE policy_revisions (
  tenant TEXT NOT NULL,
  revision INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  imported_at_ms INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (tenant, revision)
) STRICT;
`
