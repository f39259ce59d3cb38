/** Sessions that are not used any more are looked for whenever one begins; nobody looks for those of a device. */
export const APP_SESSIONS_BY_USE = `
DROP INDEX app_sessions_by_device;
CREATE INDEX app_sessions_by_use ON app_sessions (tenant, last_used_at_ms);
`
