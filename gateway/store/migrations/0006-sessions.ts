/** Application sessions, to be listed and ended, and which logins count no more. */
export const SESSIONS = `
CREATE TABLE revocations (
  tenant TEXT NOT NULL,
  scope TEXT NOT NULL,
  not_before_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, scope)
) STRICT;

CREATE TABLE app_sessions (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  application TEXT NOT NULL,
  login_json TEXT NOT NULL CHECK (json_valid(login_json)),
  started_at_ms INTEGER NOT NULL,
  last_used_at_ms INTEGER NOT NULL,
  ends_at_ms INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX app_sessions_by_device ON app_sessions (tenant, device_id);
CREATE INDEX users_by_email ON users (tenant, email);
`
