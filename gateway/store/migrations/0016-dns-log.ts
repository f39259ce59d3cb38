/** Questions about private names, and what became of them. */
export const DNS_LOG = `
CREATE TABLE dns_log (
  tenant TEXT NOT NULL,
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  email TEXT NOT NULL,
  device_id TEXT NOT NULL,
  service TEXT,
  name TEXT NOT NULL,
  type INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  rule TEXT,
  revision INTEGER NOT NULL,
  rcode INTEGER,
  resolver TEXT,
  duration_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX dns_log_by_time ON dns_log (tenant, at_ms);
`
