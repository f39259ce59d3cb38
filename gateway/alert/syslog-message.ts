/**
 * An alert as a message of syslog (RFC 5424) and its frame on a stream (RFC 6587 section 3.4.1, RFC 5425 section 4.3).
 * No value can end its field, its message or its frame.
 */
import type { Alert } from './alert.ts'

/** Facility 10 (security), severity 4 (warning): RFC 5424 section 6.2.1. */
const PRIORITY = 10 * 8 + 4
/** RFC 5424 section 6.3.2 asks for a private enterprise number; 32473 is the one of examples (RFC 5612). */
const STRUCTURED_DATA_ID = 'zt@32473'
const HOSTNAME_LIMIT = 255
/** Control and format characters, line and paragraph separators, halves of surrogate pairs. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** One message, without a frame. @param hostname of the gateway. */
export function syslogMessage(alert: Alert, hostname: string): string {
  const host = hostname.replace(/[^\x21-\x7e]/g, '').slice(0, HOSTNAME_LIMIT) || '-'
  const fields = Object.entries(alert).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}="${escaped(String(value))}"`],
  )
  const data = `[${STRUCTURED_DATA_ID} ${fields.join(' ')}]`
  return `<${PRIORITY}>1 ${alert.at} ${host} zt-gateway - ssh_alert ${data}`
}

/** The message with its length before it, octets. */
export function octetCounted(message: string): Buffer {
  const octets = Buffer.from(message)
  return Buffer.concat([Buffer.from(`${octets.length} `), octets])
}

/** RFC 5424 section 6.3.3: quotation mark, backslash and bracket; what no person can see is written as a number. */
function escaped(value: string): string {
  return value
    .replace(UNPRINTABLE, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
    .replace(/["\\\]]/g, '\\$&')
}
