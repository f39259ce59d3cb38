/** What each device said of itself last. */
export const POSTURE = `
CREATE TABLE posture (
  tenant TEXT NOT NULL,
  device_id TEXT NOT NULL,
  observations_json TEXT NOT NULL CHECK (json_valid(observations_json)),
  PRIMARY KEY (tenant, device_id),
  FOREIGN KEY (tenant, device_id) REFERENCES devices (tenant, id)
) STRICT;
`
