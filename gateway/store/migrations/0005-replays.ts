/** What may be used once, until it would be refused for its age alone. */
export const REPLAYS = `
CREATE TABLE replays (
  tenant TEXT NOT NULL,
  key_sha256 TEXT NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, key_sha256)
) STRICT;
CREATE INDEX replays_by_end ON replays (tenant, expires_at_ms);
`
