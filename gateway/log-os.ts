/**
 * The gateway's log: JSON lines on a stream, stderr by default, through pino.
 * Redaction here is the second line of defence; the first is that nobody passes a secret in.
 */
import { type DestinationStream, destination, pino } from 'pino'
import type { Log } from '#lib/log'

/** Field names that must never carry a value into a log line, at the top or one level down. */
const SECRET_FIELDS = [
  'authorization',
  'client_secret',
  'code',
  'cookie',
  'device_code',
  'password',
  'private_key',
  'secret',
  'token',
  'user_code',
]

/** File descriptor of stderr. */
const STDERR = 2

/** Opens a log that writes one JSON object a line; each line is written before the call returns. */
export function openLog(out: DestinationStream = destination({ dest: STDERR, sync: true })): Log {
  return pino(
    {
      base: { program: 'zt-gateway' },
      formatters: { level: (label) => ({ level: label }) },
      redact: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    out,
  )
}
