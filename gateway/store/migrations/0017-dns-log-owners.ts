/** The oldest lines of one device are found when it has too many. */
export const DNS_LOG_OWNERS = `
CREATE INDEX dns_log_by_device ON dns_log (tenant, device_id);
`
