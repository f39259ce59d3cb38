/** The name behind the one asked for that a rule was about. */
export const DNS_LOG_ALIAS = `
ALTER TABLE dns_log ADD COLUMN alias TEXT;
`
