/**
 * The daemon's log: JSON lines on stderr through pino. The field names of secrets are blanked as a second line of
 * defence; the first is that nobody passes a secret in.
 */
import { type DestinationStream, destination, pino } from 'pino'
import type { Log } from '#lib/log'

const SECRET_FIELDS = [
  'key',
  'password',
  'url',
  'token',
  'device_code',
  'user_code',
  'authorization',
]
/** File descriptor of stderr. */
const STDERR = 2

/** Writes to stderr, and lets `recent` have each line. */
export function stderrAnd(recent: DestinationStream): DestinationStream {
  const stderr = destination({ dest: STDERR, sync: true })
  return {
    write(line) {
      stderr.write(line)
      recent.write(line)
    },
  }
}

/** Opens a log that writes one JSON object a line; each line is written before the call returns. */
export function openLog(out: DestinationStream = destination({ dest: STDERR, sync: true })): Log {
  return pino(
    {
      base: { program: 'zt-daemon' },
      formatters: { level: (label) => ({ level: label }) },
      redact: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]),
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    out,
  )
}
