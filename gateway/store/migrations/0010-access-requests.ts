/** Requests for temporary access: purposes that were stated, approvals that were asked for and given. */
export const ACCESS_REQUESTS = `
CREATE TABLE access_requests (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('purpose', 'approval')),
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  application TEXT NOT NULL,
  policy TEXT NOT NULL,
  purpose TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'denied')),
  requested_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  approvals_json TEXT NOT NULL CHECK (json_valid(approvals_json)),
  decided_by TEXT,
  decided_at_ms INTEGER,
  until_ms INTEGER,
  PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX access_requests_by_user ON access_requests (tenant, user_id, requested_at_ms);
CREATE INDEX access_requests_by_time ON access_requests (tenant, requested_at_ms, id);
`
