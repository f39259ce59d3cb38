/** Hosts that administrators registered, with the keys that they accepted. */
export const SSH_TARGETS = `
CREATE TABLE ssh_targets (
  tenant TEXT NOT NULL,
  label TEXT NOT NULL,
  address TEXT NOT NULL,
  ports_json TEXT NOT NULL,
  tags_json TEXT NOT NULL,
  network TEXT NOT NULL,
  host_keys_json TEXT NOT NULL,
  host_authorities_json TEXT NOT NULL,
  registered_at_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant, label)
) STRICT;
`
