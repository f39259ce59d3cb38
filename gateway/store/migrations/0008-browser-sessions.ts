/** Browsers that are logged in at the login host. */
export const BROWSER_SESSIONS = `
CREATE TABLE browser_sessions (
  tenant TEXT NOT NULL,
  id_sha256 TEXT NOT NULL,
  user_id TEXT NOT NULL,
  login_json TEXT NOT NULL CHECK (json_valid(login_json)),
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  PRIMARY KEY (tenant, id_sha256),
  FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id)
) STRICT;
CREATE INDEX browser_sessions_by_time ON browser_sessions (tenant, created_at_ms, id_sha256);
`
