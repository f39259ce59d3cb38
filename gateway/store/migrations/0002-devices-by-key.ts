/** Enrolment asks for the registration of a key before anybody has logged in: it must not read every row. */
export const DEVICES_BY_KEY = `
CREATE INDEX devices_by_key ON devices (tenant, key_sha256);
`
